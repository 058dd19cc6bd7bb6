import { lru } from '@servesim/eviction-lru'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { PrefixIds, runChecked, smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { prefixAware } from '../src/index.js'

const prefixIds = new PrefixIds()

const conversations = 13

/** Conversations that take turns, two at a time; whatever came before has finished by then. */
const requests = Array.from({ length: 8 * conversations }, (_, i) => {
  const conversation = i % conversations
  const turn = Math.floor(i / conversations)
  const text = Array.from({ length: 8 + 4 * turn }, (_, group) => `${conversation}.${group}`)
  return { arrivalNs: 40_000 * Math.floor(i / 2), promptTokens: 4 * text.length + 1, outputTokens: 3, prefixIds: prefixIds.of(text) }
})

function cachedTokens(router: { use: string } & Record<string, unknown>): number {
  const pool = { count: 3, techniques: [{ use: 'prefix-caching' }] }
  return runChecked(smallScenario({ plugins: [prefixAware, prefixCaching, lru], requests, blocks: 4000, router, pool })).result()
    .cachedTokens
}

/** Everything that an earlier turn of the same conversation computed. */
const allCached = requests.reduce((sum, { promptTokens }) => sum + (promptTokens - 1 - 16), 0) - conversations * 16

it.each(['approximate', 'precise'])('with the %s index keeps every conversation where its earlier turns are cached', (index) => {
  expect(cachedTokens({ use: 'prefix-aware', index })).toBe(allCached)
})

it('scatters conversations where no prefix is ever long enough', () => {
  expect(cachedTokens({ use: 'prefix-aware', cacheThreshold: 1 })).toBeLessThan(allCached)
})
