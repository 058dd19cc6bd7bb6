import type { AttentionLatency, Latency, Provenance } from '@servesim/core'
import { DecodeLookup, decodeGrid } from './attention-grid.js'
import type { AttentionSamples } from './bundle.js'
import { distinct, firstAtLeast } from './curve.js'
import { Bracket, bilinear, Grid } from './grid.js'

/**
 * Attention of one layer from a table that has prefill and decode apart: equal prompts from their beginning by (prompts, tokens of each),
 * and decodes by (sequences, context). What a table does not have is composed:
 *
 * - **several prompts** of Σq tokens at a mean reach of a token r: Σq ÷ 2r prompts of 2r tokens;
 * - **a chunk of q behind k** tokens: the share 1 − (k ÷ (k + q))² of a prompt of k + q, the share of its work; at least the first q tokens;
 * - **decodes beside prefill**: where one kernel takes both, their tiles share one launch, else one kernel after the other.
 *
 * Between measured lengths the square root of latency is linear, since work is quadratic within a prompt; beyond them it grows as the work.
 */
export class SeparateAttention implements AttentionLatency {
  readonly contextTokens: Float64Array
  readonly measuredContextTokens: number
  private readonly decode: Grid
  private readonly decodes: DecodeLookup
  private readonly prefill: Grid
  private readonly lengths: Float64Array
  private readonly prompts: Float64Array
  /** What the launch of one kernel is worth, ns: saved where prefill and decodes share it. */
  private readonly sharedNs: number
  private readonly promptsAt = new Bracket()
  private readonly lengthAt = new Bracket()
  private readonly countAt = new Bracket()
  private readonly result: Latency

  /**
   * @param oneKernel whether prefill and decodes of a step run in one kernel
   * @param decodeProvenance at best `interpolated`
   * @throws ServesimError SERVESIM_BAD_BUNDLE where the table has no decodes alone
   */
  constructor(
    samples: AttentionSamples,
    path: string,
    oneKernel: boolean,
    readonly decodeProvenance: Provenance = 'interpolated',
  ) {
    this.decode = decodeGrid(samples, path)
    this.decodes = new DecodeLookup(this.decode)
    const measured = this.decode.axes[1]!
    this.contextTokens = distinct([0, ...measured])
    this.measuredContextTokens = measured.at(-1)!
    this.prefill = prefillGrid(samples)
    this.lengths = this.prefill.axes[0]!
    this.prompts = this.prefill.axes[1]!
    this.sharedNs = oneKernel ? Math.min(...this.decode.ns) : 0
    this.result = { ns: 0, provenance: decodeProvenance }
  }

  decodeRowNs(decodes: number): Float64Array {
    const [counts, contexts] = this.decode.axes as [Float64Array, Float64Array]
    this.countAt.locate(counts, decodes)
    const { index, weight } = this.countAt
    const pad = this.contextTokens.length - contexts.length
    return this.contextTokens.map((_, i) =>
      bilinear(this.decode.ns, index * contexts.length + Math.max(0, i - pad), contexts.length, weight, 0),
    )
  }

  /** @returns one reused object, valid until the next call */
  mixedNs(newTokens: number, context: number, decodes: number, decodeContext: number): Latency {
    const prefill = context < 0 ? this.severalPromptsNs(newTokens, context) : this.chunkNs(newTokens, context)
    this.result.ns = decodes === 0 ? prefill : Math.max(prefill, prefill + this.decodes.ns(decodes, decodeContext) - this.sharedNs)
    return this.result
  }

  private severalPromptsNs(newTokens: number, context: number): number {
    const reach = Math.max(context + newTokens / 2, 0.5)
    return this.promptsNs(Math.max(1, newTokens / (2 * reach)), Math.min(newTokens, 2 * reach))
  }

  private chunkNs(newTokens: number, context: number): number {
    const whole = newTokens + context
    if (context === 0) return this.promptsNs(1, whole)
    return Math.max(this.promptsNs(1, newTokens), this.promptsNs(1, whole) * (1 - (context / whole) ** 2))
  }

  /** Equal prompts from their beginning; neither count nor length need be whole. */
  private promptsNs(prompts: number, tokens: number): number {
    const { lengths, promptsAt, lengthAt } = this
    const longest = lengths[lengths.length - 1]!
    promptsAt.locate(this.prompts, prompts)
    lengthAt.locate(lengths, Math.min(tokens, longest))
    const low = Math.sqrt(this.atLength(lengthAt.index))
    const root = lengthAt.weight === 0 ? low : low + lengthAt.weight * (Math.sqrt(this.atLength(lengthAt.index + 1)) - low)
    return root * root * Math.max(1, tokens / longest) ** 2
  }

  private atLength(length: number): number {
    const { index, weight } = this.promptsAt
    const cell = length * this.prompts.length + index
    const low = this.prefill.ns[cell]!
    return weight === 0 ? low : Math.max(low, low + weight * (this.prefill.ns[cell + 1]! - low))
  }
}

/** Whether a table has prefill and decodes apart, prompts in batches. */
export function isSeparate(samples: AttentionSamples): boolean {
  return samples.prompts !== undefined
}

/** Over (tokens of a prompt, prompts); what no one measured goes on along the prompts of its length. */
function prefillGrid({ newTokens, prompts, latencyUs }: AttentionSamples): Grid {
  const rows = [...newTokens.keys()].filter((i) => newTokens[i]! > 0)
  const lengthOf = (i: number) => newTokens[i]! / prompts![i]!
  const lengths = distinct(rows.map(lengthOf))
  const counts = distinct(rows.map((i) => prompts![i]!))
  const grid = new Grid([lengths, counts])
  for (const i of rows)
    grid.ns[firstAtLeast(lengths, lengthOf(i)) * counts.length + firstAtLeast(counts, prompts![i]!)] = latencyUs[i]! * 1000
  grid.fill([1, 0])
  return grid
}
