import type { RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'
import type { StragglerTable } from './straggler-table.js'

/** What the correction is computed from, per pool. */
export interface Kernel {
  table: StragglerTable
  /** Padded sequences from which the kernel gives each sequence and KV head a single thread block. */
  unsplitSequences: number
  /** Saturated memory's time for a token of context: of one KV head, over all layers, ns; times the option `weight`. */
  tokenNs: number
}

/**
 * Adds what a step that only decodes waits for its longest sequence. A price is a function of (padded sequences, mean and longest
 * context), so a run of steps costs one table lookup each.
 */
export class StragglerCost implements StepCost {
  readonly reads = 'shape'

  constructor(
    private readonly next: StepCost,
    private readonly kernel: Kernel,
  ) {}

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    if (step.prefills > 0 || step.paddedSequences < this.kernel.unsplitSequences) return
    out.attentionNs += this.extraNs(step.paddedSequences, step.decodeContextSum / step.decodes, step.longestDecodeContext)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
    const { decodes, paddedSequences } = step
    if (paddedSequences < this.kernel.unsplitSequences) return
    const { attentionNs } = out
    let contextSum = step.decodeContextSum
    let longest = step.longestDecodeContext
    for (let j = 0; j < count; j++) {
      attentionNs[j]! += this.extraNs(paddedSequences, contextSum / decodes, longest)
      contextSum += decodes
      longest++
    }
  }

  private extraNs(sequences: number, mean: number, longest: number): number {
    if (mean >= longest) return 0
    const { table, tokenNs } = this.kernel
    return tokenNs * longest * table.extra(sequences, mean / longest)
  }
}
