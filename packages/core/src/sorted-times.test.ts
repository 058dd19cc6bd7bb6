import fc from 'fast-check'
import { expect, it } from 'vitest'
import { firstNotBefore } from './sorted-times.js'

it('finds the first time at or after another, else the last', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 40 }), fc.nat(60), (times, timeNs) => {
      const sorted = Float64Array.from(times).sort()
      const first = sorted.findIndex((time) => time >= timeNs)
      expect(firstNotBefore(sorted, sorted.length - 1, timeNs)).toBe(first < 0 ? sorted.length - 1 : first)
    }),
  )
})
