import { lru } from '@servesim/eviction-lru'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { PrefixIds, runChecked, smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { prefixAware } from '../src/index.js'

const prefixIds = new PrefixIds()

/** Twelve conversations that take turns, on three replicas. Shortly before each turn the earlier ones have finished. */
const requests = Array.from({ length: 96 }, (_, i) => {
  const conversation = i % 12
  const turn = Math.floor(i / 12)
  const text = Array.from({ length: 8 + 4 * turn }, (_, group) => `${conversation}.${group}`)
  return { arrivalNs: 40_000 * i + 7_919 * ((i * i) % 5), promptTokens: 4 * text.length + 1, outputTokens: 3, prefixIds: prefixIds.of(text) }
})

function cachedTokens(router: { use: string } & Record<string, unknown>): number {
  const pool = { count: 3, techniques: [{ use: 'prefix-caching' }] }
  return runChecked(smallScenario({ plugins: [prefixAware, prefixCaching, lru], requests, blocks: 4000, router, pool })).result().cachedTokens
}

/** Everything that an earlier turn of the same conversation computed. */
const allCached = requests.reduce((sum, { promptTokens }) => sum + (promptTokens - 1 - 16), 0) - 12 * 16

it.each(['approximate', 'precise'])('with the %s index keeps every conversation where its earlier turns are cached', (index) => {
  expect(cachedTokens({ use: 'prefix-aware', index })).toBe(allCached)
})

it('scatters conversations where no prefix is ever long enough', () => {
  expect(cachedTokens({ use: 'prefix-aware', cacheThreshold: 1 })).toBeLessThan(allCached)
})
