import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReleasedCalls } from './released-calls.js'

test('leave by time, equal times by row, whatever the order they came in', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 40 }), fc.array(fc.nat()), (times, keys) => {
      const entries = times.map((timeNs, row) => ({ timeNs, row }))
      const shuffled = [...entries].sort((a, b) => (keys[a.row] ?? 0) - (keys[b.row] ?? 0))
      const calls = new ReleasedCalls()
      for (const { timeNs, row } of shuffled) calls.add(timeNs, row)
      for (const { timeNs, row } of entries.sort((a, b) => a.timeNs - b.timeNs || a.row - b.row)) {
        expect([calls.firstNs, calls.takeFirst()]).toEqual([timeNs, row])
      }
      expect(calls.firstNs).toBe(Number.POSITIVE_INFINITY)
    }),
  )
})
