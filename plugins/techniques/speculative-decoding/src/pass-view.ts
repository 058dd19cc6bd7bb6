import type { StepView } from '@servesim/core'

/** One pass of a drafter, made from the step it follows; one reused object. Graphs take it for a batch of any kind: drafters have no full graph. */
export class PassView implements StepView {
  tokens = 0
  sequences = 0
  logitRows = 0
  decodes = 0
  decodeContextSum = 0
  longestDecodeContext = 0
  draftTokens = 0
  prefills = 0
  prefillTokens = 0
  prefillWork = 0
  readonly mixed = true
  paddedTokens = 0
  paddedSequences = 0
  graph: StepView['graph'] = 'none'
  readonly peers = { count: 1, tokens: new Int32Array(0), sequences: new Int32Array(0), anyMixed: true }
  expertTokens = 0
  peerTokens = 0

  /** All tokens of the step, and `extra` more of each sequence. One row of logits for each. */
  first(step: StepView, extra: number): void {
    this.tokens = step.tokens + extra * step.sequences
    this.sequences = step.sequences
    this.logitRows = step.sequences
    this.decodes = step.decodes
    this.decodeContextSum = step.decodeContextSum
    this.longestDecodeContext = step.longestDecodeContext
    this.draftTokens = step.draftTokens + extra * Math.min(step.decodes, step.sequences)
    this.prefills = step.prefills
    this.prefillTokens = step.prefillTokens + extra * step.prefills
    this.prefillWork = step.prefillWork
    this.setPeers(step, extra)
  }

  /**
   * One token of each sequence, the `ahead`-th behind the step. Contexts of sequences in their prompt are taken as equal; rejected tokens
   * are counted in, which lengthens a context by fewer tokens than there are drafts.
   */
  next(step: StepView, ahead: number): void {
    // A dummy stands for one sequence.
    const sequences = Math.max(1, step.sequences)
    const prompts = step.prefills === 0 ? 0 : (step.prefills * step.prefillWork) / step.prefillTokens + step.prefillTokens / 2
    this.tokens = sequences
    this.sequences = step.sequences
    this.logitRows = step.sequences
    this.decodes = sequences
    this.decodeContextSum = step.decodeContextSum + step.decodes + step.draftTokens + prompts + ahead * sequences
    this.longestDecodeContext = Math.max(step.longestDecodeContext, step.prefills === 0 ? 0 : prompts / step.prefills) + ahead
    this.draftTokens = 0
    this.prefills = 0
    this.prefillTokens = 0
    this.prefillWork = 0
    this.setPeers(step, -1)
  }

  /** @param extra tokens of each sequence beyond those of the step; −1: one of each and none else */
  private setPeers({ peers }: StepView, extra: number): void {
    const own = this.peers
    own.count = peers.count
    if (own.tokens.length < peers.count) {
      own.tokens = new Int32Array(peers.count)
      own.sequences = new Int32Array(peers.count)
    }
    this.expertTokens = peers.count > 1 ? 0 : this.tokens
    this.peerTokens = this.tokens
    for (let i = 0; i < peers.count && peers.count > 1; i++) {
      const sequences = peers.sequences[i]!
      own.sequences[i] = sequences
      own.tokens[i] = extra < 0 ? Math.max(1, sequences) : peers.tokens[i]! + extra * sequences
      this.expertTokens += own.tokens[i]!
      this.peerTokens = Math.max(this.peerTokens, own.tokens[i]!)
    }
    this.paddedTokens = this.tokens
    this.paddedSequences = this.sequences
    this.graph = 'none'
  }
}
