import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activatedExperts, MoeTable } from './moe-table.js'

// Rows start where tokens × top-k reaches the experts.
const table = new MoeTable({
  tokens: Float64Array.of(1, 4, 8, 4, 8, 8),
  activatedExperts: Float64Array.of(2, 2, 2, 4, 4, 8),
  latencyUs: Float64Array.of(10, 13, 17, 20, 24, 40),
})

describe('MoeTable', () => {
  it.each([
    [4, 4, 20, 'measured'],
    [6, 2, 15, 'interpolated'],
    [6, 3, 18.5, 'interpolated'],
    [8, 6, 32, 'interpolated'],
    [0.5, 1, 10, 'interpolated'],
    [16, 2, 25, 'extrapolated'],
    [8, 10, 48, 'extrapolated'],
  ])('prices %d tokens and %d activated experts at %d µs, %s', (tokens, experts, us, provenance) => {
    expect(table.at(tokens, experts)).toEqual({ ns: us * 1000, provenance })
  })

  it('keeps the first value of a row below the tokens it starts at', () => {
    expect(table.at(1, 4)).toEqual({ ns: 20_000, provenance: 'extrapolated' })
  })
})

describe('activatedExperts', () => {
  it('is top-k for one token and all experts for many', () => {
    expect(activatedExperts({ experts: 128, localExperts: 128, topK: 8 }, 1)).toBeCloseTo(8, 9)
    expect(activatedExperts({ experts: 128, localExperts: 128, topK: 8 }, 10_000)).toBeCloseTo(128, 9)
  })

  it('grows with tokens and splits evenly over ranks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), fc.constantFrom(1, 2, 4, 8), (tokens, ranks) => {
        const whole = activatedExperts({ experts: 64, localExperts: 64, topK: 4 }, tokens)
        const share = activatedExperts({ experts: 64, localExperts: 64 / ranks, topK: 4 }, tokens)
        expect(share * ranks).toBeCloseTo(whole, 9)
        expect(activatedExperts({ experts: 64, localExperts: 64, topK: 4 }, tokens + 1)).toBeGreaterThanOrEqual(whole)
      }),
    )
  })
})
