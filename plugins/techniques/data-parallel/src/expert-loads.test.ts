import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { balancedLoad, qwenGate, recordedLoad, uniformLoad, zipfLoad } from './expert-loads.js'

const loads = {
  uniform: uniformLoad,
  balanced: balancedLoad,
  recorded: recordedLoad(qwenGate),
  'zipf 0.5': zipfLoad(0.5),
  'zipf 2': zipfLoad(2),
  'zipf 10': zipfLoad(10),
}

/** An MoE layer whose experts two and four ranks share evenly. */
const layers = fc
  .record({
    quarters: fc.integer({ min: 1, max: 64 }),
    tokens: fc.integer({ min: 1, max: 20_000 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ quarters, tokens, part }) => ({ experts: 4 * quarters, topK: Math.max(1, Math.round(part * 4 * quarters)), tokens }))

describe.each(Object.entries(loads))('%s experts', (_, load) => {
  it('number at least a token’s choice and at most all', () => {
    fc.assert(
      fc.property(layers, ({ experts, topK, tokens }) => {
        const activated = load.activatedExperts(experts, topK, tokens)
        expect(activated).toBeGreaterThanOrEqual(topK * (1 - 1e-9))
        expect(activated).toBeLessThanOrEqual(experts * (1 + 1e-9))
      }),
    )
  })

  it('of a layer like the measured one are never fewer for more tokens', () => {
    for (let tokens = 1, before = 0; tokens < 2000; tokens++) {
      const activated = load.activatedExperts(128, 8, tokens)
      expect(activated).toBeGreaterThanOrEqual(before)
      before = activated
    }
  })

  it('are a single token’s choice for one token', () => {
    fc.assert(
      fc.property(layers, ({ experts, topK }) => {
        expect(load.activatedExperts(experts, topK, 1)).toBeCloseTo(topK, 6)
      }),
    )
  })

  it('give the busiest rank at least its fair share and at most all', () => {
    fc.assert(
      fc.property(layers, fc.constantFrom(1, 2, 4), ({ experts, topK, tokens }, ranks) => {
        const share = load.busiestShare(experts, topK, tokens, ranks)
        expect(share).toBeGreaterThanOrEqual(1 - 1e-9)
        expect(share).toBeLessThanOrEqual(ranks * (1 + 1e-9))
        if (ranks === 1) expect(share).toBeCloseTo(1, 9)
      }),
    )
  })
})

it('even choice visits E·(1 − (1 − k/E)^T) experts', () => {
  expect(uniformLoad.activatedExperts(128, 8, 2)).toBeCloseTo(128 * (1 - (15 / 16) ** 2), 9)
})

it('as even as can be, no expert is visited twice before all were once', () => {
  expect([1, 15, 16, 17].map((tokens) => balancedLoad.activatedExperts(128, 8, tokens))).toEqual([8, 120, 128, 128])
})

describe('Zipf popularity', () => {
  it('with exponent 0 is even choice', () => {
    const even = zipfLoad(0)
    fc.assert(
      fc.property(layers, ({ experts, topK, tokens }) => {
        expect(even.activatedExperts(experts, topK, tokens)).toBeCloseTo(uniformLoad.activatedExperts(experts, topK, tokens), 6)
        expect(even.busiestShare(experts, topK, tokens, 4)).toBeCloseTo(1, 9)
      }),
    )
  })

  it('that is steeper visits fewer experts, and loads the busiest rank more', () => {
    const [flat, steep] = [zipfLoad(0.5), zipfLoad(1.5)]
    expect(steep.activatedExperts(128, 8, 50)).toBeLessThan(flat.activatedExperts(128, 8, 50))
    expect(steep.busiestShare(128, 8, 50, 4)).toBeGreaterThan(flat.busiestShare(128, 8, 50, 4))
  })

  it('of two among four experts with exponent 2, by hand', () => {
    // 1 : 1/4 : 1/9 : 1/16 would pick the first 1.4 times per token: it is always among the two, and the others share the second choice.
    const weights = [1 / 4, 1 / 9, 1 / 16]
    const sum = weights.reduce((a, b) => a + b, 0)
    const visited = 1 + weights.reduce((all, w) => all + 1 - (1 - w / sum) ** 3, 0)
    expect(zipfLoad(2).activatedExperts(4, 2, 3)).toBeCloseTo(visited, 9)
    expect(zipfLoad(2).busiestShare(4, 2, 3, 2)).toBeCloseTo(1 + weights[0]! / sum, 9)
  })
})

describe('a recorded gate', () => {
  const gate = recordedLoad({ tokens: [4, 100], fractions: [0.8, 0.9] })
  const fraction = (tokens: number) => gate.activatedExperts(128, 8, tokens) / uniformLoad.activatedExperts(128, 8, tokens)

  it('reaches its share of even choice at its points, a straight line between them, and the last value beyond', () => {
    expect(fraction(4)).toBeCloseTo(0.8, 9)
    expect(fraction(52)).toBeCloseTo(0.85, 9)
    expect([100, 5000].map(fraction)).toEqual([expect.closeTo(0.9, 9), expect.closeTo(0.9, 9)])
  })

  it('never visits fewer experts than one token chooses', () => {
    expect(gate.activatedExperts(128, 8, 1)).toBe(8)
  })

  it('of Qwen3-30B-A3B is the published one', () => {
    const qwen = recordedLoad(qwenGate)
    const share = (tokens: number) => qwen.activatedExperts(128, 8, tokens) / uniformLoad.activatedExperts(128, 8, tokens)
    expect([1, 16, 256, 4000].map(share)).toEqual([1, 0.87, 0.94, 1].map((value) => expect.closeTo(value, 9)))
  })
})
