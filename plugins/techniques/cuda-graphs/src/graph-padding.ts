import type { RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'

/**
 * Pads a step to the captured size that will replay it, as vLLM's dispatcher does: a batch that only decodes runs in one full graph,
 * attention included; any other in pieces, with attention launched on the true tokens between them; above the largest size there is no
 * graph and no padding.
 */
export class GraphPadding implements StepCost {
  readonly reads = 'shape'

  /**
   * @param padded entry t: size captured for t tokens
   * @param largestFull largest size with a full graph: vLLM captures those up to its sequence limit only; 0 for none
   */
  constructor(
    private readonly next: StepCost,
    private readonly padded: Int32Array,
    private readonly largestFull: number,
  ) {}

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.pad(step)
    this.next.price(step, startNs, out)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.pad(step)
    this.next.priceRun(step, count, startNs, out)
  }

  private pad(step: StepView): void {
    const { tokens, sequences } = step
    const captured = tokens < this.padded.length
    const size = captured ? this.padded[tokens]! : tokens
    const full = captured && step.prefills === 0 && size <= this.largestFull
    step.paddedTokens = size
    step.paddedSequences = full ? size : sequences
    step.graph = full ? 'full' : captured ? 'piecewise' : 'none'
  }
}
