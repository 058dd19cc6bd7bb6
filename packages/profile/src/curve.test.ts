import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Curve, distinct } from './curve.js'

const curve = new Curve(Float64Array.of(2, 4, 8), Float64Array.of(10, 20, 100))

describe('Curve', () => {
  it.each([
    [4, 20, 'measured'],
    [3, 15, 'interpolated'],
    [6, 60, 'interpolated'],
    [1, 10, 'interpolated'],
    [12, 180, 'extrapolated'],
  ])('at %i gives %i ns, %s', (x, ns, provenance) => {
    expect(curve.at(x)).toEqual({ ns, provenance })
  })

  it('never falls below 0 beyond a falling end', () => {
    expect(new Curve(Float64Array.of(1, 2), Float64Array.of(10, 1)).at(100)).toEqual({ ns: 0, provenance: 'extrapolated' })
  })

  it('keeps a single sample everywhere', () => {
    expect(new Curve(Float64Array.of(5), Float64Array.of(7)).at(9)).toEqual({ ns: 7, provenance: 'extrapolated' })
  })

  it('stays between the samples around the query', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (xs, t) => {
          const x = distinct(xs)
          const ns = x.map((value) => (value * 7919) % 997)
          const query = x[0]! + t * (x.at(-1)! - x[0]!)
          const upper = x.findIndex((value) => value >= query)
          const around = [ns[Math.max(0, upper - 1)]!, ns[upper]!]
          const got = new Curve(x, ns).at(query).ns
          expect(got).toBeGreaterThanOrEqual(Math.min(...around) - 1e-9)
          expect(got).toBeLessThanOrEqual(Math.max(...around) + 1e-9)
        },
      ),
    )
  })
})
