import type { GraphMode, StagesAhead, StepPrice, StepView } from './points/step-cost.js'

/** The steps that replicas run together. */
export interface StepPeers {
  count: number
  tokens: Int32Array
  sequences: Int32Array
  anyMixed: boolean
}

const alone: StepPeers = { count: 1, tokens: new Int32Array(0), sequences: new Int32Array(0), anyMixed: false }

const noFlows = { flows: 0 }

/** One slot of a step unit's ring: who takes part in a formed step, its shape and, once it has started, its price. */
export class Step implements StepView, StepPrice {
  /** Rows of the request table, in the order they were scheduled, with their tokens. */
  members: Int32Array
  memberTokens: Int32Array
  /** 1 where the step yields a token for the member: its prompt is complete then. */
  emits: Uint8Array
  /** Drafts among a member's tokens and, where there are any, what was rejected of the request and how often it was preempted until then. */
  memberDrafts: Int32Array
  memberRejected: Int32Array
  memberEpochs: Int32Array
  count = 0
  /** Blocks that tiers are told of when the step has completed: request, blocks of it that are full then, its admission. */
  readonly fills: number[] = []
  /** Prompt tokens that the step computes, where a tier wants to know: row, first token, token behind the last. */
  readonly computes: number[] = []

  tokens = 0
  decodes = 0
  decodeContextSum = 0
  longestDecodeContext = 0
  draftTokens = 0
  prefills = 0
  prefillTokens = 0
  prefillWork = 0
  paddedTokens = 0
  paddedSequences = 0
  graph: GraphMode = 'none'

  peers: StepPeers = alone
  /** Its replica's, live. */
  links: NonNullable<StepView['links']> = noFlows
  expertTokens = 0
  peerTokens = 0

  fixedNs = 0
  attentionNs = 0
  readonly ahead: StagesAhead
  hostNs = 0
  /** What each pipeline stage takes, rounded; one entry without a pipeline. */
  readonly stageNs: Float64Array

  /** A member begins with a token that a step in flight computes. */
  needsTokens = false
  formedNs = 0
  startNs = 0
  endNs = 0

  /** @param maxDrafts drafts of every sequence in an even batch of decodes */
  constructor(
    capacity: number,
    stages = 1,
    private readonly maxDrafts = 0,
  ) {
    this.ahead = { fixedNs: new Float64Array(stages - 1), handoverNs: new Float64Array(stages - 1) }
    this.stageNs = new Float64Array(stages)
    this.members = new Int32Array(capacity)
    this.memberTokens = new Int32Array(capacity)
    this.emits = new Uint8Array(capacity)
    this.memberDrafts = new Int32Array(capacity)
    this.memberRejected = new Int32Array(capacity)
    this.memberEpochs = new Int32Array(capacity)
  }

  get sequences(): number {
    return this.count
  }

  /** A dummy has none. */
  get logitRows(): number {
    return this.count === 0 ? 0 : this.count + this.draftTokens
  }

  get mixed(): boolean {
    return this.prefills > 0 || this.draftTokens !== this.maxDrafts * this.decodes
  }

  clear(): void {
    this.count = 0
    // Setting a length costs as much as what it empties, and nearly always there is nothing.
    if (this.fills.length > 0) this.fills.length = 0
    if (this.computes.length > 0) this.computes.length = 0
    this.tokens = 0
    this.decodes = 0
    this.decodeContextSum = 0
    this.longestDecodeContext = 0
    this.draftTokens = 0
    this.prefills = 0
    this.prefillTokens = 0
    this.prefillWork = 0
  }

  /** Adds a member with `tokens` new tokens, the last `drafts` of them drafted, behind `context` computed ones. */
  add(request: number, tokens: number, context: number, drafts = 0): void {
    const { count } = this
    if (count === this.members.length) this.grow()
    this.members[count] = request
    this.memberTokens[count] = tokens
    this.memberDrafts[count] = drafts
    this.count = count + 1
    this.tokens += tokens
    if (tokens === 1 + drafts) {
      this.decodes++
      this.draftTokens += drafts
      this.decodeContextSum += context
      if (context > this.longestDecodeContext) this.longestDecodeContext = context
    } else this.addChunk(tokens, context)
  }

  private addChunk(tokens: number, context: number): void {
    this.prefills++
    this.prefillTokens += tokens
    this.prefillWork += tokens * (context + tokens / 2)
  }

  /** Nothing is padded and no graph is used, until a step cost says otherwise. */
  unpadded(): void {
    this.paddedTokens = this.tokens
    this.paddedSequences = this.count
    this.graph = 'none'
    this.expertTokens = this.tokens
    this.peerTokens = this.tokens
    for (let i = 0; i < this.peers.count && this.peers.count > 1; i++) {
      if (i === 0) this.expertTokens = 0
      this.expertTokens += this.peers.tokens[i]!
      this.peerTokens = Math.max(this.peerTokens, this.peers.tokens[i]!)
    }
  }

  /** A replica without work steps along with its peers: one token and its drafts, no sequence, no output. */
  becomeDummy(): void {
    this.clear()
    this.tokens = 1 + this.maxDrafts
    this.decodes = 1
    this.draftTokens = this.maxDrafts
    this.decodeContextSum = 1
    this.longestDecodeContext = 1
  }

  /** Takes a member out again. @returns its tokens; 0 where it takes no part */
  remove(request: number, computedTokens: Int32Array): number {
    const { members, memberTokens, memberDrafts } = this
    const at = members.subarray(0, this.count).indexOf(request)
    if (at < 0) return 0
    const tokens = memberTokens[at]!
    const fills = [...this.fills]
    const computes = this.computes.filter((_, i, rows) => rows[i - (i % 3)] !== request)
    const all = Array.from({ length: this.count }, (_, i) => [members[i]!, memberTokens[i]!, memberDrafts[i]!] as const)
    this.clear()
    for (const [r, q, drafts] of all) if (r !== request) this.add(r, q, computedTokens[r]!, drafts)
    this.fills.push(...fills)
    this.computes.push(...computes)
    return tokens
  }

  /** A member's request has ended: its tokens stay in the step, what they yield is nobody's. */
  dropMember(request: number): void {
    for (let i = 0; i < this.count; i++) if (this.members[i] === request) this.members[i] = -1
  }

  /** Becomes that step as it is `steps` steps later, its members left out; it must hold decodes of one token only. */
  repeat(step: Step, steps: number): void {
    this.links = step.links
    this.count = step.count
    this.tokens = step.tokens
    this.decodes = step.decodes
    this.decodeContextSum = step.decodeContextSum
    this.longestDecodeContext = step.longestDecodeContext
    this.draftTokens = 0
    this.prefills = 0
    this.unpadded()
    this.advance(steps)
  }

  copyMembers({ members, memberTokens, emits, count }: Step): void {
    while (this.members.length < count) this.grow()
    for (let i = 0; i < count; i++) {
      this.members[i] = members[i]!
      this.memberTokens[i] = memberTokens[i]!
      this.emits[i] = emits[i]!
    }
  }

  hasMembersOf({ members, count }: Step): boolean {
    if (count !== this.count) return false
    for (let i = 0; i < count; i++) if (members[i] !== this.members[i]) return false
    return true
  }

  /** Every member grows by one token `steps` times; the step must hold decodes only. */
  advance(steps: number): void {
    this.decodeContextSum += steps * this.decodes
    this.longestDecodeContext += steps
  }

  private grow(): void {
    const capacity = this.members.length * 2
    const grown = (old: Int32Array) => {
      const wide = new Int32Array(capacity)
      wide.set(old)
      return wide
    }
    this.members = grown(this.members)
    this.memberTokens = grown(this.memberTokens)
    this.memberDrafts = grown(this.memberDrafts)
    this.memberRejected = grown(this.memberRejected)
    this.memberEpochs = grown(this.memberEpochs)
    const emits = new Uint8Array(capacity)
    emits.set(this.emits)
    this.emits = emits
  }
}
