import type { ForwardPass, Reads, RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'
import { PassView } from './pass-view.js'

/**
 * Adds a drafter's passes behind each step: the first over all of the step's tokens, for its own KV; then one token of each sequence for
 * every further draft. Steps after which nothing is drafted have none.
 */
export class DraftPasses implements StepCost {
  readonly reads: Reads
  private readonly view = new PassView()

  /**
   * @param lengths drafts by sequences of the step
   * @param extraTokens of each sequence in the first pass
   */
  constructor(
    private readonly next: StepCost,
    private readonly pass: ForwardPass,
    private readonly lengths: Uint8Array,
    private readonly extraTokens: number,
  ) {
    this.reads = next.reads
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    const { view, lengths } = this
    const drafts = lengths[Math.min(Math.max(1, step.sequences), lengths.length - 1)]!
    for (let i = 0; i < drafts; i++) {
      if (i === 0) view.first(step, this.extraTokens)
      else view.next(step, i)
      out.fixedNs += this.pass.run(view, startNs)
    }
  }

  /** Never asked: pools that speculate take no stretches. */
  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
  }
}

/** Adds the lookup in the text of every sequence that decodes, which the host makes before the next step. */
export class LookupTime implements StepCost {
  readonly reads: Reads

  constructor(
    private readonly next: StepCost,
    private readonly nsPerToken: number,
  ) {
    this.reads = next.reads
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    out.hostNs += this.nsPerToken * step.decodeContextSum
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
  }
}
