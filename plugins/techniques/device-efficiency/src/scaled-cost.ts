import type { Reads, RunPrice, StagesAhead, StepCost, StepPrice, StepView } from '@servesim/core'

/** The prices of another link, scaled. */
export class ScaledCost implements StepCost {
  constructor(
    private readonly next: StepCost,
    private readonly operatorFactor: number,
    private readonly attentionFactor: number,
  ) {}

  get reads(): Reads {
    return this.next.reads
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    out.fixedNs *= this.operatorFactor
    out.attentionNs *= this.attentionFactor
    this.scaleStages(out.ahead)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
    out.fixedNs *= this.operatorFactor
    const { attentionNs } = out
    for (let j = 0; j < count; j++) attentionNs[j]! *= this.attentionFactor
    this.scaleStages(out.ahead)
  }

  private scaleStages(ahead: StagesAhead | undefined): void {
    if (ahead === undefined) return
    for (let stage = 0; stage < ahead.fixedNs.length; stage++) ahead.fixedNs[stage]! *= this.operatorFactor
  }
}
