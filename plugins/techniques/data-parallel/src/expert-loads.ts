import type { ExpertLoad } from '@servesim/core'

/** Share of the closed form that a trained gate reaches, by tokens: `fractions[i]` at `tokens[i]`, linear between, constant beyond. */
export interface GateCurve {
  tokens: readonly number[]
  fractions: readonly number[]
}

/**
 * Measured on Qwen3-30B-A3B (128 experts, 8 per token) over 110,640 gate calls: 1.00 of the closed form at one token, 0.87 in the middle
 * of the range, 0.94 at a saturated decode (256 tokens), and all of it again from about 1,000 tokens on (LLMServingSim changelog,
 * September 2026). Where "the middle" lies is not said; 16 is the middle of the token counts on a logarithmic axis.
 */
export const qwenGate: GateCurve = { tokens: [1, 16, 256, 1000], fractions: [1, 0.87, 0.94, 1] }

/** Experts that T independent tokens visit when every one picks k of E evenly. */
const closedForm = (experts: number, topK: number, tokens: number): number => experts * (1 - (1 - topK / experts) ** tokens)

/** Every token picks its experts evenly at random; the busiest rank is not told from the others, since the expectation is the same. */
export const uniformLoad: ExpertLoad = {
  activatedExperts: closedForm,
  busiestShare: () => 1,
  assumption: 'Tokens choose experts evenly at random: E·(1 − (1 − k/E)^T) of them are activated.',
}

/** A gate that spreads tokens as evenly as can be: no expert twice before all were used once. */
export const balancedLoad: ExpertLoad = {
  activatedExperts: (experts, topK, tokens) => Math.min(experts, topK * tokens),
  busiestShare: () => 1,
  assumption: 'Tokens are spread over the experts as evenly as can be.',
}

/** A trained gate concentrates: a measured share of the closed form. */
export function recordedLoad(curve: GateCurve): ExpertLoad {
  return {
    activatedExperts: (experts, topK, tokens) => Math.max(topK, closedForm(experts, topK, tokens) * valueAt(curve, tokens)),
    busiestShare: () => 1,
    assumption: 'A trained gate activates fewer experts than even choice would: the share measured by token count.',
  }
}

/** Expert i is picked in proportion to (i + 1)^−s; experts lie on the ranks in that order, so the first rank is the busiest. */
export function zipfLoad(exponent: number): ExpertLoad {
  const inclusions = new Map<string, Float64Array>()
  const inclusion = (experts: number, topK: number): Float64Array => {
    const key = `${experts}/${topK}`
    const known = inclusions.get(key)
    if (known !== undefined) return known
    const made = inclusionProbabilities(experts, topK, exponent)
    inclusions.set(key, made)
    return made
  }
  return {
    activatedExperts: (experts, topK, tokens) => inclusion(experts, topK).reduce((sum, p) => sum + 1 - (1 - p) ** tokens, 0),
    busiestShare(experts, topK, _tokens, ranks) {
      const first = inclusion(experts, topK).subarray(0, Math.ceil(experts / ranks))
      return (first.reduce((sum, p) => sum + p, 0) * ranks) / topK
    },
    assumption: `Experts are chosen with Zipf-distributed popularity (exponent ${exponent}); the busiest rank decides.`,
  }
}

/** Chance of each expert to be among a token's k: proportional to its popularity, capped at 1, in all k. */
function inclusionProbabilities(experts: number, topK: number, exponent: number): Float64Array {
  const weights = Float64Array.from({ length: experts }, (_, i) => (i + 1) ** -exponent)
  const probabilities = new Float64Array(experts)
  // The most popular ones are always picked where their share would exceed 1; the others divide the rest.
  let certain = 0
  for (;;) {
    const rest = weights.subarray(certain).reduce((a, b) => a + b, 0)
    if (certain >= topK || (weights[certain]! * (topK - certain)) / rest <= 1) {
      for (let i = certain; i < experts; i++) probabilities[i] = (weights[i]! * (topK - certain)) / rest
      return probabilities
    }
    probabilities[certain++] = 1
  }
}

function valueAt({ tokens, fractions }: GateCurve, at: number): number {
  const last = tokens.length - 1
  if (at <= tokens[0]!) return fractions[0]!
  if (at >= tokens[last]!) return fractions[last]!
  let i = 0
  while (tokens[i + 1]! < at) i++
  return fractions[i]! + ((fractions[i + 1]! - fractions[i]!) * (at - tokens[i]!)) / (tokens[i + 1]! - tokens[i]!)
}
