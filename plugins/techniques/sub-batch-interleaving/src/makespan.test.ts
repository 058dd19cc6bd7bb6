import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LayerSegments, makespanNs } from './makespan.js'

const layer = (deviceNs: number, besideNs = 0, linkNs = 0): LayerSegments => ({ deviceNs, besideNs, linkNs })

describe('makespan of two halves, worked out by hand', () => {
  it('equal segments: the device never waits, and the last half’s memory is left over', () => {
    // Device A0 B0 A1 B1 at 0, 10, 20, 30; memory each right behind; the last ends at 50. One after the other: 80.
    expect(makespanNs(2, layer(10, 10), layer(10, 10))).toBe(50)
  })

  it('memory takes longer: it is what is waited for', () => {
    // Memory A0 10–40, B0 40–70, A1 70–100 (device 40–50), B1 100–130.
    expect(makespanNs(2, layer(10, 30), layer(10, 30))).toBe(130)
  })

  it('the device takes longer: only the last memory shows', () => {
    expect(makespanNs(3, layer(30, 10), layer(30, 10))).toBe(3 * 60 + 10)
  })

  it('unequal halves', () => {
    // A0 device 0–10, memory 10–15; B0 device 10–40, memory 40–60; A1 device 40–50, memory 60–65; B1 device 60–90, memory 90–110.
    expect(makespanNs(2, layer(10, 5), layer(30, 20))).toBe(110)
  })

  it('compute and network overlap alike, and all three follow one another in a half', () => {
    expect(makespanNs(2, layer(10, 0, 10), layer(10, 0, 10))).toBe(50)
    // A: 0–10, 10–20, 20–30; B: 10–20, 20–30, 30–40; A1 from 30, B1 from 40: ends at 70.
    expect(makespanNs(2, layer(10, 10, 10), layer(10, 10, 10))).toBe(70)
  })

  it('law: between the busiest resource and everything in sequence', () => {
    const ns = fc.integer({ min: 0, max: 1000 })
    const segments = fc.record({ deviceNs: ns, besideNs: ns, linkNs: ns })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), segments, segments, (layers, a, b) => {
        const found = makespanNs(layers, a, b)
        const total = (of: LayerSegments) => of.deviceNs + of.besideNs + of.linkNs
        expect(found).toBeLessThanOrEqual(layers * (total(a) + total(b)))
        for (const resource of ['deviceNs', 'besideNs', 'linkNs'] as const)
          expect(found).toBeGreaterThanOrEqual(layers * (a[resource] + b[resource]))
        expect(found).toBeGreaterThanOrEqual(layers * Math.max(total(a), total(b)))
      }),
    )
  })
})
