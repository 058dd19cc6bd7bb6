import type { Reads, RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'

export interface HostTimes {
  /** A step with prefill that no graph replays, ns. */
  mixedStepNs: number
  /** Any other step, ns. */
  decodeStepNs: number
  /** For each sequence of a step, ns. */
  perSequenceNs: number
}

/**
 * Host work between the instant a step is formed and the one it can start: scheduling, input preparation, launching. Asynchronous
 * scheduling hides what fits under the step that runs meanwhile; how much that is, core finds out.
 */
export class HostTime implements StepCost {
  constructor(
    private readonly next: StepCost,
    private readonly times: HostTimes,
  ) {}

  /** Looks at counts alone; what it wraps may look closer. */
  get reads(): Reads {
    return this.next.reads
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    out.hostNs += this.hostNs(step)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
    out.hostNs += this.hostNs(step)
  }

  private hostNs(step: StepView): number {
    const { mixedStepNs, decodeStepNs, perSequenceNs } = this.times
    return (step.prefills > 0 && step.graph === 'none' ? mixedStepNs : decodeStepNs) + perSequenceNs * step.sequences
  }
}
