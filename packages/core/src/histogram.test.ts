import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DurationHistogram } from './histogram.js'
import { quantile } from './metrics.js'

const samples = fc.array(
  fc.record({ ns: fc.oneof(fc.nat(20), fc.nat(10_000_000), fc.integer({ min: 0, max: 2 ** 45 })), weight: fc.integer({ min: 1, max: 5 }) }),
  {
    minLength: 1,
    maxLength: 60,
  },
)

it('has every quantile within its stated error of the exact one, and the exact count, mean, least and most', () => {
  fc.assert(
    fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (added, q) => {
      const histogram = new DurationHistogram()
      for (const { ns, weight } of added) histogram.add(ns, weight)
      const sorted = added.flatMap(({ ns, weight }) => Array<number>(weight).fill(ns)).sort((a, b) => a - b)
      const exact = quantile(sorted, q)
      // The interpolation weighs two samples, each within the error of its own size.
      const high = sorted[Math.ceil(q * (sorted.length - 1))]!
      expect(Math.abs(histogram.quantileNs(q) - exact)).toBeLessThanOrEqual(DurationHistogram.relativeError * high * (1 + 1e-9))
      expect([histogram.count, histogram.minNs, histogram.maxNs]).toEqual([sorted.length, sorted[0], sorted.at(-1)])
      expect(histogram.meanNs).toBeCloseTo(sorted.reduce((a, b) => a + b, 0) / sorted.length, -3)
    }),
  )
})

it('knows nothing of no samples', () => {
  const histogram = new DurationHistogram()
  expect([histogram.meanNs, histogram.quantileNs(0.5)]).toEqual([Number.NaN, Number.NaN])
})
