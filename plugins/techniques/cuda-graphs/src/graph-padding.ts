import type { Reads, RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'

/**
 * Pads a step to the captured size that will replay it, as vLLM's dispatcher does: a batch that only decodes, each sequence with as many
 * drafts as there can be, runs in one full graph, attention included; any other in pieces, with attention launched on the true tokens between them; above the largest size there is no
 * graph and no padding.
 */
export class GraphPadding implements StepCost {
  /**
   * @param padded entry t: size captured for t tokens
   * @param largestFull largest size with a full graph: vLLM captures those up to its sequence limit only; 0 for none
   * @param queryTokens tokens of a sequence in a full graph: one and its drafts
   */
  constructor(
    private readonly next: StepCost,
    private readonly padded: Int32Array,
    private readonly largestFull: number,
    private readonly queryTokens: number,
  ) {}

  /** Looks at counts alone; what it wraps may look closer. */
  get reads(): Reads {
    return this.next.reads
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.pad(step)
    this.next.price(step, startNs, out)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.pad(step)
    this.next.priceRun(step, count, startNs, out)
  }

  private pad(step: StepView): void {
    const { sequences, peers } = step
    // Replicas that step together pad to the largest of them and use the least capable graph, if all find one.
    const together = peers.count > 1
    const tokens = together ? largest(peers.tokens, peers.count) : step.tokens
    const anyMixed = together ? peers.anyMixed : step.mixed
    const captured = tokens < this.padded.length
    const size = this.size(captured ? tokens : step.tokens)
    const full = captured && !anyMixed && size <= this.largestFull
    step.paddedTokens = size
    step.paddedSequences = full ? size / this.queryTokens : sequences
    step.graph = full ? 'full' : captured ? 'piecewise' : 'none'
    if (!together) {
      step.expertTokens = size
      step.peerTokens = size
      return
    }
    // Without a common graph each keeps its own padding.
    step.expertTokens = 0
    step.peerTokens = 0
    for (let i = 0; i < peers.count; i++) {
      const own = captured ? size : this.size(peers.tokens[i]!)
      step.expertTokens += own
      step.peerTokens = Math.max(step.peerTokens, own)
    }
  }

  private size(tokens: number): number {
    return tokens < this.padded.length ? this.padded[tokens]! : tokens
  }
}

function largest(tokens: Int32Array, count: number): number {
  let most = 0
  for (let i = 0; i < count; i++) most = Math.max(most, tokens[i]!)
  return most
}
