import { exp, ln, type RandomSource } from '@servesim/core'
import { z } from 'zod'

/** Ten million tokens: the longest context window that a published model names (Llama 4 Scout). */
const MAX_TOKENS = 10_000_000

const tokens = z.int().min(1).max(MAX_TOKENS)

/** A length in tokens: fixed, or drawn for each request. */
export const lengthSchema = z.union(
  [
    tokens.describe('Tokens, the same for every request'),
    z
      .strictObject({ uniform: z.tuple([tokens, tokens]).describe('Least and most tokens, both possible') })
      .refine(({ uniform: [min, max] }) => min <= max, 'the least must not exceed the most'),
    z.strictObject({
      lognormal: z
        .strictObject({
          mean: z.number().min(1).max(MAX_TOKENS).describe('Mean in tokens, before min and max cut the ends off'),
          sigma: z.number().min(0).max(5).describe('Standard deviation of the logarithm'),
          min: tokens.default(1).describe('Fewer tokens become this many'),
          max: tokens.default(MAX_TOKENS).describe('More tokens become this many'),
        })
        .refine(({ min, max }) => min <= max, 'min must not exceed max'),
    }),
  ],
  'expected a number of tokens (1 to 10,000,000), { uniform: [min, max] } or { lognormal: { mean, sigma, min?, max? } }',
)

export type Length = z.output<typeof lengthSchema>

/** @returns tokens of the request with that index, the same however often and in whatever order it is asked */
export function lengthSampler(length: Length, random: RandomSource, purpose: string): (index: number) => number {
  if (typeof length === 'number') return () => length
  if ('uniform' in length) {
    const [min, max] = length.uniform
    return (index) => min + random.stream(purpose, index).integer(max - min + 1)
  }
  const { mean, sigma, min, max } = length.lognormal
  // The mean of a lognormal is exp(μ + σ²/2).
  const mu = ln(mean) - (sigma * sigma) / 2
  return (index) => Math.min(max, Math.max(min, Math.round(exp(mu + sigma * random.stream(purpose, index).normal()))))
}
