import { isServesimError } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { acceptanceOf, meanTokensOf } from './acceptance.js'
import { presetNames, presets } from './presets.js'

const rates = (...args: Parameters<typeof acceptanceOf>) => Array.from(acceptanceOf(...args).rates)

describe('acceptance', () => {
  it('is a power by position where each draft has one chance', () => {
    expect(rates(0.5, 3, false, 'a')).toEqual([0.5, 0.25, 0.125])
  })

  it('is read as shares of all steps, or as chances given the position before', () => {
    expect(rates([0.8, 0.4], undefined, false, 'a')).toEqual([0.8, 0.4])
    expect(rates([0.8, 0.5, 0.9], undefined, true, 'a')).toEqual([0.8, 0.8 * 0.5, 0.8 * 0.5 * 0.9])
    expect(rates([0.8, 0.4], 1, false, 'a')).toEqual([0.8])
  })

  it('gives the mean number of tokens that was asked for, by (1 − α^(k+1)) ÷ (1 − α)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0, max: 1, noNaN: true }), (drafts, share) => {
        const meanTokens = 1 + share * drafts
        const found = acceptanceOf({ meanTokens }, drafts, false, 'a').rates
        expect(meanTokensOf(found)).toBeCloseTo(meanTokens, 9)
        const alpha = found[0]!
        if (alpha < 0.999) expect((1 - alpha ** (drafts + 1)) / (1 - alpha)).toBeCloseTo(meanTokens, 9)
      }),
    )
  })

  // Means that stand beside the rates in the sources.
  test.each([
    ['eagle3-llama-3.1-8b', 2.6],
    ['eagle3-qwen3-8b', 2.26],
    ['eagle3-gpt-oss-20b', 2.56],
    ['eagle3-qwen3-vl-30b-a3b', 1.35],
    ['mtp-deepseek-v4-flash', 2.9],
    ['mtp-deepseek-v3', 1.85],
  ] as const)('of %s has the mean of its source', (name, mean) => {
    expect(Math.abs(meanTokensOf(acceptanceOf(name, undefined, false, 'a').rates) - mean)).toBeLessThan(0.03)
  })

  test.each(presetNames)('%s never rises and names its source', (name) => {
    const found = acceptanceOf(name, 'meanTokensOfAny' in presets[name] ? 5 : undefined, false, 'a')
    expect(found.source).not.toBe('')
    for (const [i, rate] of found.rates.entries()) {
      expect(rate).toBeGreaterThan(0)
      expect(rate).toBeLessThanOrEqual(found.rates[i - 1] ?? 1)
    }
  })

  test.each([
    [[0.4, 0.5], undefined, 'a[1]', 'kept only if all before it are'],
    [[0.4], 2, 'a', 'known for 1'],
    ['eagle3-qwen3-8b', 4, 'a', 'known for 3'],
    ['eagle-llama-3-8b', 3, 'a', 'measured with 2, 4 drafts'],
    [0.7, undefined, 'numSpeculativeTokens', 'how many'],
    [{ meanTokens: 5 }, 3, 'a', 'at most 4'],
  ] as const)('%j for %s drafts is refused', (option, drafts, path, said) => {
    let found: unknown
    try {
      acceptanceOf(option, drafts, false, 'a')
    } catch (error) {
      found = error
    }
    expect(isServesimError(found) && [found.path, found.message]).toEqual([path, expect.stringContaining(said)])
  })
})
