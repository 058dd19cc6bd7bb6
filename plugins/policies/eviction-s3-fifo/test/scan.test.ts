import { lru } from '@servesim/eviction-lru'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { PrefixIds, runChecked, smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { s3Fifo } from '../src/index.js'

const prefixIds = new PrefixIds()

/** Four templates come round with scans between them: prompts of their own, three quarters of the cache from one visit to the next. */
const requests = Array.from({ length: 240 }, (_, i) => {
  const text = Array.from({ length: 8 }, (_, group) => (i % 3 === 0 ? `template ${(i / 3) % 4}.${group}` : `own ${i}.${group}`))
  return { arrivalNs: 20_000 * i, promptTokens: 33, outputTokens: 2, prefixIds: prefixIds.of(text) }
})

function cachedTokens(use: string): number {
  const pool = { techniques: [{ use: 'prefix-caching', eviction: { use } }] }
  return runChecked(smallScenario({ plugins: [prefixCaching, lru, s3Fifo], requests, blocks: 64, pool })).result().cachedTokens
}

it('keeps templates against a scan that LRU loses them to', () => {
  // A template fills 8 of 64 blocks and comes back after 11 other prompts, 99 blocks: LRU never holds it that long.
  expect(cachedTokens('lru')).toBe(0)
  // S3-FIFO remembers in its ghost that it has lost each template, and keeps it in the main queue from the second time on.
  expect(cachedTokens('s3-fifo')).toBeGreaterThan(0.8 * 32 * 80)
})
