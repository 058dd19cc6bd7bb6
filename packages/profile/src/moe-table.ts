import type { Latency, Moe } from '@servesim/core'
import type { MoeSamples } from './bundle.js'
import { distinct, firstAtLeast } from './curve.js'
import { Bracket, bilinear, Grid, provenanceOf, worstOf } from './grid.js'

/**
 * Latency of the experts of one layer over (tokens, activated experts), linear in both. A table cannot hold more activated experts than
 * tokens × top-k, so its rows start at different token counts; below its first token count a row keeps the first value.
 */
export class MoeTable {
  private readonly grid: Grid
  private readonly tokens = new Bracket()
  private readonly experts = new Bracket()

  constructor(samples: MoeSamples) {
    this.grid = new Grid([distinct(samples.activatedExperts), distinct(samples.tokens)])
    const [experts, tokens] = this.grid.axes as [Float64Array, Float64Array]
    for (let i = 0; i < samples.latencyUs.length; i++) {
      const cell = firstAtLeast(experts, samples.activatedExperts[i]!) * tokens.length + firstAtLeast(tokens, samples.tokens[i]!)
      this.grid.ns[cell] = samples.latencyUs[i]! * 1000
    }
    this.grid.fill([1, 0])
  }

  /**
   * @param tokens tokens whose every chosen expert is on this rank, ≥ 0, may be a fraction
   * @param activatedExperts distinct experts that any token chose, may be a fraction
   */
  at(tokens: number, activatedExperts: number): Latency {
    const [expertAxis, tokenAxis] = this.grid.axes as [Float64Array, Float64Array]
    this.experts.locate(expertAxis, activatedExperts)
    this.tokens.locate(tokenAxis, tokens)
    const { experts, tokens: rows } = this
    const cell = experts.index * tokenAxis.length + rows.index
    const ns = bilinear(this.grid.ns, cell, tokenAxis.length, experts.weight, rows.weight)
    const known = worstOf(this.grid.known, cell, tokenAxis.length, experts.weight, rows.weight)
    return { ns: Math.max(0, ns), provenance: provenanceOf(known, experts.exact && rows.exact, experts.beyond || rows.beyond) }
  }
}

/**
 * Experts of this rank that at least one of `tokens` tokens chooses, when every token picks `topK` of the model's experts evenly: each
 * stays idle with probability (1 − k/E)^T. Dummy weights and a balanced gate give this; a trained gate concentrates (fidelity study:
 * 0.87 of it in the middle of the range on Qwen3-30B-A3B).
 */
export function activatedExperts(moe: Pick<Moe, 'experts' | 'localExperts' | 'topK'>, tokens: number): number {
  return moe.localExperts * (1 - (1 - moe.topK / moe.experts) ** tokens)
}
