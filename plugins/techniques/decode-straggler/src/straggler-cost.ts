import type { Reads, RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'
import type { StragglerTable } from './straggler-table.js'

/**
 * Adds what a step's decode attention takes because contexts differ. The extra time follows from (sequences, launched sequences, mean and
 * longest context), so each step of a run costs one lookup.
 */
export class StragglerCost implements StepCost {
  constructor(
    private readonly next: StepCost,
    private readonly table: StragglerTable,
    private readonly layers: number,
  ) {}

  /** Looks at counts alone; what it wraps may look closer. */
  get reads(): Reads {
    return this.next.reads
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    const { decodes, longestDecodeContext } = step
    const mean = step.decodeContextSum / decodes
    // Also false without decodes, where there is no mean.
    if (!(mean < longestDecodeContext)) return
    const row = step.prefills > 0 ? this.table.mixedRow(decodes) : this.table.decodeRow(decodes, step.paddedSequences)
    out.attentionNs += this.layers * row.extraNs(mean, longestDecodeContext)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
    const { decodes } = step
    let contextSum = step.decodeContextSum
    let longest = step.longestDecodeContext
    // All contexts grow by one token a step: equal ones stay equal.
    if (!(contextSum / decodes < longest)) return
    const { attentionNs } = out
    const row = this.table.decodeRow(decodes, step.paddedSequences)
    for (let j = 0; j < count; j++) {
      attentionNs[j]! += this.layers * row.extraNs(contextSum / decodes, longest)
      contextSum += decodes
      longest++
    }
  }
}
