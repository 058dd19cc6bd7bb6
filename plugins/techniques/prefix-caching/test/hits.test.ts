import { lru } from '@servesim/eviction-lru'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { PrefixIds, recordSchedule, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { prefixCaching } from '../src/index.js'

const blockSizeTokens = 4

describe.each([true, false])('a conversation with asynchronous scheduling %s', (asyncScheduling) => {
  /** Cached tokens of a second turn whose prompt goes on where the first turn's answer ended. */
  function cachedTokensOfNextTurn(promptTokens: number, outputTokens: number): number {
    const prefixIds = new PrefixIds().of('abcdefgh')
    const input = smallScenario({
      plugins: [vllmScheduler, prefixCaching, lru],
      prefixGroupTokens: blockSizeTokens,
      requests: [
        { arrivalNs: 0, promptTokens, outputTokens, prefixIds },
        { arrivalNs: 1e9, promptTokens: promptTokens + outputTokens + 5, outputTokens: 1, prefixIds },
      ],
      pool: { scheduler: { use: 'vllm', asyncScheduling, blockSizeTokens }, techniques: [{ use: 'prefix-caching' }] },
    })
    return runChecked(input).results.requests.column('cachedTokens')[1]!
  }

  // The last token is sampled, but its KV is never computed: 8 + 9 − 1 = 16 tokens are four full blocks.
  it('finds prompt and answer in the cache, up to the last token whose KV was computed', () => {
    expect(cachedTokensOfNextTurn(8, 9)).toBe(16)
  })

  it('does not find a block that only the last, never computed token would fill', () => {
    expect(cachedTokensOfNextTurn(8, 8)).toBe(12)
  })

  it('finds the prompt alone where the answer fills no block', () => {
    expect(cachedTokensOfNextTurn(8, 1)).toBe(8)
  })
})

// Attention writes a batch's KV before it reads, so blocks can be hit in the very step that computes them.
it('hits the blocks of a prompt that was scheduled before it in the same step', () => {
  const prefixIds = new PrefixIds().of('abc')
  const request = { arrivalNs: 0, promptTokens: 9, outputTokens: 1, prefixIds }
  const { forms, simulation } = recordSchedule(
    smallScenario({
      plugins: [vllmScheduler, prefixCaching, lru],
      requests: [request, request],
      pool: { scheduler: { use: 'vllm', asyncScheduling: false, blockSizeTokens }, techniques: [{ use: 'prefix-caching' }] },
    }),
  )
  expect(forms[0]!.scheduled).toEqual([
    [0, 9],
    [1, 1],
  ])
  expect(simulation.units[0]!.kvUse.peakBlocks).toBe(4)
})

// At least one token is computed again, for its logits; hits are whole blocks, so the whole last block is.
it('computes the whole last block again where all of a prompt is cached', () => {
  const prefixIds = new PrefixIds().of('ab')
  const requests = [0, 1e9].map((arrivalNs) => ({ arrivalNs, promptTokens: 8, outputTokens: 1, prefixIds }))
  const pool = { scheduler: { use: 'vllm', blockSizeTokens }, techniques: [{ use: 'prefix-caching' }] }
  const { results } = runChecked(smallScenario({ plugins: [vllmScheduler, prefixCaching, lru], requests, pool }))
  expect(results.requests.column('cachedTokens')).toEqual(Float64Array.of(0, 4))
})
