import fc from 'fast-check'
import { expect, test } from 'vitest'
import { likelyContexts, shuffledRanks } from './batch-shape.js'

test('likely contexts have the mean and the longest that they were made for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (sequences, share) => {
      const mean = 1 / sequences + (1 - 1 / sequences) * share
      const contexts = likelyContexts(sequences, mean)
      expect(contexts.reduce((a, b) => a + b, 0) / sequences).toBeCloseTo(mean, 9)
      expect(contexts.at(-1)).toBe(1)
      expect(Math.min(...contexts)).toBeGreaterThanOrEqual(0)
      expect([...contexts].sort((a, b) => a - b)).toEqual([...contexts])
    }),
  )
})

test('equal contexts are equal, and a longest that is more than all there is stands alone', () => {
  expect([...likelyContexts(3, 1)]).toEqual([1, 1, 1])
  expect([...likelyContexts(1, 0.5)]).toEqual([1])
  expect([...likelyContexts(3, 0.1)]).toEqual([0, 0, 1])
})

test('ranks are shuffled, each once', () => {
  const ranks = [...shuffledRanks(100)]
  expect([...ranks].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  const halves = [ranks.slice(0, 50), ranks.slice(50)].map((half) => half.reduce((a, b) => a + b, 0) / 50)
  expect(Math.abs(halves[0]! - halves[1]!)).toBeLessThan(5)
})
