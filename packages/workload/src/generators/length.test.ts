import { createRandomSource } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lengthSampler, lengthSchema } from './length.js'

const draws = (length: unknown, count: number, seed = 3) => {
  const sample = lengthSampler(lengthSchema.parse(length), createRandomSource(seed), 'workload/prompt')
  return Array.from({ length: count }, (_, i) => sample(i))
}
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

test('fixed lengths are the number itself', () => {
  expect(new Set(draws(512, 10))).toEqual(new Set([512]))
})

test('uniform lengths reach both ends and their mean', () => {
  const values = draws({ uniform: [10, 13] }, 4000)
  expect(new Set(values)).toEqual(new Set([10, 11, 12, 13]))
  // Standard error 1.118 / √4000 = 0.018; five of them.
  expect(Math.abs(mean(values) - 11.5)).toBeLessThan(0.09)
})

test('lognormal lengths have the mean in tokens and the deviation of the logarithm that were asked for', () => {
  const values = draws({ lognormal: { mean: 1000, sigma: 0.5 } }, 20_000)
  // Coefficient of variation √(e^0.25 − 1) = 0.533, standard error 3.8; five of them.
  expect(Math.abs(mean(values) - 1000)).toBeLessThan(19)
  const logs = values.map(Math.log)
  const mu = mean(logs)
  const sigma = Math.sqrt(mean(logs.map((log) => (log - mu) ** 2)))
  expect(Math.abs(sigma - 0.5)).toBeLessThan(0.0125)
})

test('lognormal lengths stay within min and max', () => {
  const limits = fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2000 }))
  fc.assert(
    fc.property(limits, fc.double({ min: 0, max: 5, noNaN: true }), fc.nat(), ([a, b], sigma, seed) => {
      const [min, max] = a < b ? [a, b] : [b, a]
      for (const value of draws({ lognormal: { mean: 500, sigma, min, max } }, 20, seed)) {
        expect(value).toBeGreaterThanOrEqual(min)
        expect(value).toBeLessThanOrEqual(max)
        expect(Number.isInteger(value)).toBe(true)
      }
    }),
  )
})

test('a draw depends on seed and index alone', () => {
  const sample = lengthSampler({ uniform: [1, 1000] }, createRandomSource(5), 'workload/prompt')
  const forwards = [0, 1, 2, 3].map(sample)
  expect([3, 2, 1, 0].map(sample).reverse()).toEqual(forwards)
  expect(draws({ uniform: [1, 1000] }, 4, 6)).not.toEqual(forwards)
})

describe('refuses', () => {
  test.each([
    0,
    -5,
    1.5,
    Number.NaN,
    1e30,
    '512',
    null,
    { uniform: [5, 4] },
    { uniform: [0, 4] },
    { uniform: [1] },
    { lognormal: { mean: 0, sigma: 1 } },
    { lognormal: { mean: 10, sigma: -1 } },
    { lognormal: { mean: 10, sigma: Number.NaN } },
    { lognormal: { mean: 10, sigma: 1, min: 5, max: 4 } },
    { lognormal: { mean: 10 } },
    { zipf: 3 },
  ])('%j', (length) => {
    expect(lengthSchema.safeParse(length).success).toBe(false)
  })
})
