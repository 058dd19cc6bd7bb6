import { ServesimError } from './errors.js'
import type { ForwardPass, StepCost, StepPrice, StepView } from './points/step-cost.js'
import type { BaseStepCost } from './step-price.js'

/** Runs another graph than the pool's own inside its steps, and counts where the time goes. */
export class CountedPass implements ForwardPass {
  private readonly price: StepPrice = { fixedNs: 0, attentionNs: 0, hostNs: 0 }

  /** @param cost `base` behind the links that every pass goes through */
  constructor(
    private readonly cost: StepCost,
    private readonly base: BaseStepCost,
    private readonly path: string,
  ) {}

  run(pass: StepView, startNs: number): number {
    const { price } = this
    this.cost.price(pass, startNs, price)
    this.base.usage.count(pass, price.attentionNs)
    const ns = price.fixedNs + price.attentionNs
    if (Number.isFinite(ns)) return ns
    throw new ServesimError(
      'SERVESIM_BROKEN_INVARIANT',
      this.path,
      `A pass of ${pass.tokens} tokens and ${pass.sequences} sequences at ${startNs} ns would take ${ns} ns.`,
      'A device, a network or a step cost gave a latency that is no number: report it to its author.',
    )
  }
}
