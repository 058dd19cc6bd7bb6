import { isServesimError, type Model, parseOptions, type SchedulerPoolContext } from '@servesim/core'
import { expect, it } from 'vitest'
import { limitsOf, options } from './options.js'

function limits(own: Record<string, unknown>, memoryGib = 80) {
  const device = { name: 'd', vendor: '', memoryBytes: memoryGib * 2 ** 30, memoryBytesPerSecond: 1, bf16FlopPerSecond: 1, source: '' }
  const context: SchedulerPoolContext = { path: 'pools[0].scheduler', device, model: {} as Model, maxModelLenTokens: 32_768 }
  return limitsOf(parseOptions(options, own, 'pools[0].scheduler'), context)
}

it.each([
  [24, 2048],
  [48, 4096],
  [80, 8192],
  [141, 8192],
  [180, 16_384],
])('computes by default on %i GiB at most %i prompt tokens in a step', (memoryGib, tokens) => {
  expect(limits({}, memoryGib).maxNumBatchedTokens).toBe(tokens)
})

it('sizes steps for the largest decode batch, and for the longest prompt where prompts are not cut', () => {
  expect(limits({ chunkedPrefillSize: 512 }).maxNumBatchedTokens).toBe(2048)
  expect(limits({ chunkedPrefillSize: -1 }).maxNumBatchedTokens).toBe(32_768)
})

it('forms one step ahead unless told otherwise', () => {
  expect([limits({}).depth, limits({ disableOverlapSchedule: true }).depth]).toEqual([2, 1])
})

it.each([
  [{ chunkedPrefillSize: 100, blockSizeTokens: 16 }, 'chunkedPrefillSize'],
  [{ chunkedPrefillSize: -1, enableMixedChunk: true }, 'enableMixedChunk'],
  [{ chunkedPrefillSize: 0 }, 'chunkedPrefillSize'],
  [{ schedulePolicy: 'lfu' }, 'schedulePolicy'],
])('refuses %j', (own, at) => {
  let path = ''
  try {
    limits(own)
  } catch (error) {
    if (isServesimError(error)) path = error.path
  }
  expect(path).toBe(`pools[0].scheduler.${at}`)
})
