import { equalBatchNs, type SplitKernel, splitsOf } from '@servesim/profile'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { issueOrder, kernelNs } from './list-schedule.js'

const kernel: SplitKernel = { multiprocessors: 6, kvHeads: 2, blockNs: 20, sharedNs: 8 }

/** The same rules on a clock of nanoseconds, event by event. */
function stepByStep(blocks: number[], { multiprocessors, blockNs, sharedNs }: SplitKernel): number {
  const waiting = [...blocks]
  let left: number[] = []
  let time = 0
  for (;;) {
    left = left.filter((tokens) => tokens > 1e-9)
    while (left.length < multiprocessors && waiting.length > 0) left.push(waiting.shift()!)
    if (left.length === 0) return time
    const tokens = Math.min(...left)
    time += tokens * Math.max(blockNs, left.length * sharedNs)
    left = left.map((rest) => rest - tokens)
  }
}

test('the clock of tokens gives what a simulation block by block gives', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 40 }), (blocks) => {
      expect(kernelNs(Float64Array.from(blocks), kernel)).toBeCloseTo(stepByStep(blocks, kernel), 6)
    }),
  )
})

test('a lone block runs at its own limit, a full chip at the memory’s', () => {
  expect(kernelNs(Float64Array.of(100), kernel)).toBe(100 * 20)
  expect(kernelNs(new Float64Array(12).fill(100), kernel)).toBe(12 * 100 * 8)
})

test('a long block that starts last ends last and alone', () => {
  const last = new Float64Array(12).fill(100)
  last[11] = 1000
  const first = last.slice().reverse()
  expect(kernelNs(last, kernel)).toBe(12 * 100 * 8 + 900 * 20)
  expect(kernelNs(first, kernel)).toBeLessThan(kernelNs(last, kernel))
})

test('equal contexts take what the device’s own formula for them says, split or not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5000 }), (sequences, context) => {
      const splits = splitsOf(kernel, sequences)
      const blocks = issueOrder(new Float64Array(sequences).fill(context), kernel.kvHeads, splits)
      const expected = equalBatchNs(kernel, sequences, sequences, context)
      expect(Math.abs(kernelNs(blocks, kernel) / expected - 1)).toBeLessThan(1e-9)
    }),
  )
})

test('unsplit, sequences vary fastest; split, the parts of a head do', () => {
  expect([...issueOrder(Float64Array.of(10, 20), 2, 1)]).toEqual([10, 20, 10, 20])
  expect([...issueOrder(Float64Array.of(10, 20), 2, 2)]).toEqual([5, 5, 5, 5, 10, 10, 10, 10])
})
