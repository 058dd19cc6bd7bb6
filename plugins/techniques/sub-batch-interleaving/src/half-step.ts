import type { StepView } from '@servesim/core'

/** One of two halves of a step, of about as many tokens; one reused object. */
export class HalfStep implements StepView {
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
  mixed = false
  paddedTokens = 0
  paddedSequences = 0
  graph: StepView['graph'] = 'none'
  expertTokens = 0
  peerTokens = 0
  links?: { readonly flows: number }
  peers: StepView['peers'] = { count: 1, tokens: new Int32Array(1), sequences: new Int32Array(1), anyMixed: false }

  /**
   * Takes its part: of the prompts the first half, rounded up, as if all were alike; of the decodes as many as level the tokens.
   * @param contextSum of the step's decodes; a run of steps differs in it alone
   */
  take(step: StepView, first: boolean, contextSum: number): void {
    const { prefills, decodes } = step
    const firstPrefills = Math.ceil(prefills / 2)
    const perPrompt = prefills === 0 ? 0 : step.prefillTokens / prefills
    const behind = (2 * firstPrefills - prefills) * perPrompt
    const firstDecodes = Math.min(decodes, Math.max(0, Math.ceil((decodes - behind) / 2)))
    this.prefills = first ? firstPrefills : prefills - firstPrefills
    this.decodes = first ? firstDecodes : decodes - firstDecodes
    const ofPrompts = prefills === 0 ? 0 : this.prefills / prefills
    const ofDecodes = decodes === 0 ? 0 : this.decodes / decodes
    const drafts = Math.ceil(step.draftTokens * (decodes === 0 ? 0 : firstDecodes / decodes))
    const promptTokens = Math.ceil(perPrompt * firstPrefills)
    this.draftTokens = first ? drafts : step.draftTokens - drafts
    this.prefillTokens = first ? promptTokens : step.prefillTokens - promptTokens
    this.prefillWork = step.prefillWork * ofPrompts
    this.decodeContextSum = contextSum * ofDecodes
    this.longestDecodeContext = step.longestDecodeContext
    this.sequences = this.prefills + this.decodes
    this.tokens = this.prefillTokens + this.decodes + this.draftTokens
    this.logitRows = this.sequences + this.draftTokens
    this.mixed = step.mixed
    const share = this.tokens / step.tokens
    this.paddedTokens = Math.ceil(step.paddedTokens * share)
    this.paddedSequences = Math.max(this.decodes, Math.ceil((step.paddedSequences * this.sequences) / step.sequences))
    this.graph = step.graph
    this.expertTokens = Math.ceil(step.expertTokens * share)
    this.peerTokens = Math.ceil(step.peerTokens * share)
    if (step.links !== undefined) this.links = step.links
  }
}
