import { expect, it } from 'vitest'
import { equalBatchNs, type SplitKernel, splitsOf } from './split-kernel.js'

const kernel: SplitKernel = { multiprocessors: 188, kvHeads: 8, blockNs: 20, sharedNs: 0.4 }

it('stops splitting sequences where blocks fill four fifths of two per multiprocessor', () => {
  // 0.8 · 376 = 300.8 blocks: 37 sequences of 8 heads are 296, 38 are 304.
  expect(splitsOf(kernel, 37)).toBeGreaterThanOrEqual(1)
  expect(splitsOf(kernel, 38)).toBe(1)
  expect(splitsOf(kernel, 32)).toBe(4)
  expect(splitsOf({ ...kernel, kvHeads: 4 }, 75)).toBe(5)
  expect(splitsOf({ ...kernel, kvHeads: 4 }, 76)).toBe(1)
})

it('splits a single sequence far enough to use the chip', () => {
  const splits = splitsOf(kernel, 1)
  expect(splits * 8).toBeGreaterThan(0.7 * 376)
})

it('costs what the slower of bandwidth and block speed allows', () => {
  // 64 · 8 = 512 blocks: two waves of 188, then 136.
  expect(equalBatchNs(kernel, 64, 64, 1000)).toBeCloseTo(1000 * (188 * 0.4 * 2 + 136 * 0.4), 6)
  // A last wave of 8 blocks is limited by a block's own speed: 47 · 8 = 376 fills two waves, 48 · 8 leaves 8.
  expect(equalBatchNs(kernel, 48, 48, 1000) - equalBatchNs(kernel, 47, 47, 1000)).toBeCloseTo(1000 * 20, 6)
})

it('grows linearly with context and never shrinks with the batch at one launch size', () => {
  expect(equalBatchNs(kernel, 50, 56, 2000)).toBeCloseTo(2 * equalBatchNs(kernel, 50, 56, 1000), 6)
  for (let n = 39; n < 128; n++) expect(equalBatchNs(kernel, n + 1, 128, 1000)).toBeGreaterThanOrEqual(equalBatchNs(kernel, n, 128, 1000))
})
