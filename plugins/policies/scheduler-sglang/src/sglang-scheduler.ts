import type { RequestTable, Scheduler, SchedulerContext, StepPlan } from '@servesim/core'
import { NewTokenRatio } from './new-token-ratio.js'
import { chunkSizeOf, type Options } from './options.js'
import { PrefillBudget, type Verdict } from './prefill-budget.js'
import { sortByPrefix } from './prefix-order.js'

/**
 * SGLang's scheduler (`get_next_batch_to_run`). A step computes prompts as long as any can be admitted, else it decodes everything that
 * runs. Names follow SGLang: one *chunked* request at a time goes on ahead of the others; the batch is *full* when an admission has found
 * no slot or no memory, and stays so until running requests are seen to have left.
 */
export class SglangScheduler implements Scheduler {
  readonly reads = 'sequences'
  private readonly requests: RequestTable
  private readonly ratio: NewTokenRatio
  private readonly chunkSize: number
  private readonly maxRunning: number
  private readonly blockSize: number
  private readonly maxModelLen: number
  /** Decodes take part in steps with prompts; SGLang leaves that off where it speculates. */
  private readonly mixesChunks: boolean
  /** Tokens beyond those to verify that a decode step must find room for: its drafting writes them, and gives them back. */
  private readonly draftingSlots: number
  private readonly synchronous: boolean
  private readonly isPipeline: boolean
  private readonly waiting: number[] = []
  /** The request whose prompt has been computed in part; −1: none. */
  private chunked = -1
  private full = false
  /** Running requests that can decode a token; scratch, in order of admission. */
  private decodes: number[] = []
  private plan: StepPlan | undefined
  /** What the last form did. */
  private last: 'nothing' | 'prefill' | 'mixed' | 'decode' = 'nothing'
  /** Whether SGLang's running batch was empty then; what a prefill has just admitted joins it at the next form. */
  private batchWasEmpty = true
  private runningAfterLast = 0
  /** Running requests that have left since a form last looked. */
  private left = 0

  constructor(
    private readonly options: Options,
    context: SchedulerContext,
  ) {
    this.requests = context.requests
    this.ratio = new NewTokenRatio(options.scheduleConservativeness)
    this.chunkSize = chunkSizeOf(options, context)
    this.maxRunning = context.limits.maxNumSeqs
    this.blockSize = context.limits.blockSizeTokens
    this.maxModelLen = context.maxModelLenTokens
    this.mixesChunks = options.enableMixedChunk && context.decode === undefined
    this.draftingSlots = context.decode?.lookaheadSlots ?? 0
    this.isPipeline = (context.pipelineStages ?? 1) > 1
    this.synchronous = context.limits.depth === 1
  }

  get waitingCount(): number {
    return this.waiting.length
  }

  enqueue(request: number): void {
    this.waiting.push(request)
  }

  withdraw(request: number): void {
    const at = this.waiting.indexOf(request)
    if (at >= 0) this.waiting.splice(at, 1)
    else if (this.chunked === request) this.chunked = -1
  }

  form(plan: StepPlan): void {
    this.plan = plan
    const gone = this.runningAfterLast - plan.running.length
    this.left += gone
    if (this.last === 'prefill' || this.last === 'mixed') this.mergePrefill(gone)
    this.findDecodes(plan)
    if (!this.formPrefill(plan)) {
      this.formDecode(plan)
      // A batch that turns out to be empty ends the loop's turn, and the next turn comes at once.
      if (plan.running.length === 0) this.formPrefill(plan)
    }
    this.runningAfterLast = plan.running.length
  }

  /** The last step's prompts join the running batch. A batch that lost members on the way is not full any more. */
  private mergePrefill(gone: number): void {
    // With steps formed ahead, who has just ended was in the step before.
    const lost = gone > 0 && (this.synchronous || this.last === 'mixed')
    if (this.chunked >= 0 || this.batchWasEmpty || lost) this.full = false
  }

  private findDecodes(plan: StepPlan): void {
    const { running } = plan
    const { decodes, requests } = this
    const { computedTokens, placeholderTokens, promptTokens, maxOutputTokens } = requests
    decodes.length = 0
    for (let i = 0; i < running.length; i++) {
      const r = running.at(i)
      // The last token is in flight.
      const ends = placeholderTokens[r]! > 0 && computedTokens[r]! + 2 - placeholderTokens[r]! >= promptTokens[r]! + maxOutputTokens[r]!
      if (r !== this.chunked && !ends && !plan.awaitsToken(r)) decodes.push(r)
    }
  }

  /** @returns whether the step computes prompts */
  private formPrefill(plan: StepPlan): boolean {
    const { waiting, options } = this
    if (this.chunked < 0 && (this.full || waiting.length === 0)) return false
    if (this.chunked < 0 && plan.running.length >= this.maxRunning) {
      this.full = true
      return false
    }
    if (options.schedulePolicy === 'lpm') sortByPrefix(waiting, plan, this.requests, this.blockSize)
    const budget = this.newBudget(plan)
    const batchWasEmpty = plan.running.length === (this.chunked < 0 ? 0 : 1)
    if (this.chunked >= 0 && !this.continueChunked(plan, budget)) return false
    this.admitWaiting(plan, budget)
    if (budget.requests === 0) return false
    if (this.mixesChunks) this.scheduleDecodes(plan)
    this.last = this.mixesChunks ? 'mixed' : 'prefill'
    this.batchWasEmpty = batchWasEmpty || this.mixesChunks
    return true
  }

  private newBudget(plan: StepPlan): PrefillBudget {
    const { running } = plan
    let coming = 0
    for (let i = 0; i < running.length; i++) {
      if (running.at(i) !== this.chunked) coming += this.comingTokens(running.at(i)) * this.ratio.value
    }
    for (const r of this.waiting) if (this.requests.blocks[r]! > 0) coming += this.lackingTokens(r)
    const mixed = this.mixesChunks ? this.decodes.length : 0
    return new PrefillBudget(plan, this.blockSize, this.options.maxPrefillTokens - mixed, this.chunkSize - mixed, coming, mixed)
  }

  /** What a request whose KV is brought, or was, will still ask for: it is reckoned with as if it ran. */
  private lackingTokens(r: number): number {
    const { promptTokens, outputTokens, blocks } = this.requests
    const known = promptTokens[r]! + outputTokens[r]!
    return Math.max(0, known - blocks[r]! * this.blockSize) + this.comingTokens(r) * this.ratio.value
  }

  private comingTokens(r: number): number {
    return PrefillBudget.comingTokens(this.requests.maxOutputTokens[r]! - this.requests.outputTokens[r]!)
  }

  /** The request in mid-prompt goes first, whatever the estimate says. @returns false where not even a block is left for it */
  private continueChunked(plan: StepPlan, budget: PrefillBudget): boolean {
    const { promptTokens, outputTokens, computedTokens } = this.requests
    const r = this.chunked
    const remaining = promptTokens[r]! + outputTokens[r]! - computedTokens[r]!
    const tokens = budget.nextChunk(remaining)
    if (tokens === 0) return false
    while (!plan.schedule(r, tokens)) {
      // SGLang would stop here with an out-of-memory error.
      if (this.decodes.length === 0) return false
      this.retractOne(plan)
    }
    const isCut = tokens < remaining
    budget.take(tokens, isCut ? 0 : this.comingTokens(r))
    if (!isCut) this.chunked = -1
    return true
  }

  /** Admits in order until one does not fit; those held back let others pass. */
  private admitWaiting(plan: StepPlan, budget: PrefillBudget): void {
    const { waiting } = this
    const passed: number[] = []
    let next = 0
    for (; next < waiting.length; next++) {
      const r = waiting[next]!
      if (plan.isHeld(r)) {
        passed.push(r)
        continue
      }
      if (plan.running.length >= this.maxRunning) {
        this.full = true
        break
      }
      const admitted = plan.running.length
      const verdict = this.admit(plan, budget, r)
      if (verdict === 'aside') {
        passed.push(r)
        continue
      }
      if (verdict === 'no-token') this.full = true
      if (plan.running.length > admitted) {
        if (verdict === 'continue') continue
        next++
      }
      break
    }
    if (next > 0) waiting.splice(0, next, ...passed)
  }

  private admit(plan: StepPlan, budget: PrefillBudget, r: number): Verdict {
    // What a tier has brought counts as computed.
    const loaded = this.requests.blocks[r]! > 0
    const hit = loaded ? 0 : plan.match(r)
    const cached = loaded ? this.requests.computedTokens[r]! : hit * this.blockSize
    const extend = this.requests.promptTokens[r]! + this.requests.outputTokens[r]! - cached
    const coming = this.comingTokens(r)
    const lacking = loaded ? this.lackingTokens(r) : 0
    budget.reserve(-lacking)
    const verdict = budget.check(extend, coming)
    if (verdict !== 'continue') return verdict
    const mustFit = cached + budget.tokensThatMustFit(extend, coming)
    const more = loaded ? 0 : plan.loadable(r, hit)
    if (more !== 0) {
      if (more > 0 && !plan.load(r, hit, more, mustFit)) return 'no-token'
      if (more > 0) budget.reserve(this.lackingTokens(r))
      return 'aside'
    }
    const tokens = budget.chunkOf(extend)
    if (tokens === 0) return 'other'
    if (!plan.admit(r, tokens, hit, mustFit)) return 'no-token'
    const isCut = tokens < extend
    if (isCut) this.chunked = r
    budget.take(tokens, isCut ? 0 : coming)
    return budget.state
  }

  private formDecode(plan: StepPlan): void {
    const { decodes, ratio } = this
    if (this.left > 0 || plan.running.length === 0) this.full = false
    this.left = 0
    this.last = decodes.length > 0 ? 'decode' : 'nothing'
    this.batchWasEmpty = decodes.length === 0
    if (decodes.length > 0 && !this.scheduleDecodes(plan)) ratio.advance(1)
    if (plan.running.length === 0 && this.waiting.length === 0) ratio.reset()
  }

  /** One token and its drafts for each that decodes, after making room where the step would lack blocks. @returns whether requests were retracted */
  private scheduleDecodes(plan: StepPlan): boolean {
    const { decodes } = this
    const retracts = this.blocksToDecode() > plan.freeBlocks && decodes.length > 1
    if (retracts) this.retract(plan)
    for (const r of decodes) plan.schedule(r, this.tokensToDecode(r))
    return retracts
  }

  private tokensToDecode(r: number): number {
    const { computedTokens, draftTokens } = this.requests
    return Math.max(1, Math.min(1 + draftTokens[r]!, this.maxModelLen - 1 - computedTokens[r]!))
  }

  private blocksToDecode(): number {
    const { blocks, computedTokens } = this.requests
    let needed = 0
    for (const r of this.decodes) {
      const tokens = Math.min(computedTokens[r]! + this.tokensToDecode(r) + this.draftingSlots, this.maxModelLen)
      needed += Math.max(0, Math.ceil(tokens / this.blockSize) - blocks[r]!)
    }
    return needed
  }

  /** At least one request goes, then as many as it takes; one stays. */
  private retract(plan: StepPlan): void {
    const { decodes, requests } = this
    do this.retractOne(plan)
    while (decodes.length > 1 && this.blocksToDecode() > plan.freeBlocks)
    const sum = (column: Int32Array) => decodes.reduce((total, r) => total + column[r]!, 0)
    this.ratio.retracted(decodes.length, sum(requests.outputTokens), sum(requests.maxOutputTokens))
    this.full = false
  }

  /** Fewest generated tokens first, then the longest prompt, then the last admitted. It goes to the end of the queue. */
  private retractOne(plan: StepPlan): void {
    const { decodes } = this
    const { outputTokens, promptTokens } = this.requests
    let at = 0
    for (let i = 1; i < decodes.length; i++) {
      const fewer = outputTokens[decodes[i]!]! - outputTokens[decodes[at]!]!
      if (fewer < 0 || (fewer === 0 && promptTokens[decodes[i]!]! >= promptTokens[decodes[at]!]!)) at = i
    }
    const victim = decodes[at]!
    decodes.splice(at, 1)
    plan.preempt(victim)
    this.waiting.push(victim)
  }

  /** As long as the batch is full, or nobody waits who may run, no prompt is looked at. */
  steady(): boolean {
    // In a pipeline all may be in flight.
    if (this.last !== 'decode' && !(this.isPipeline && this.last === 'nothing')) return false
    if (this.chunked >= 0) return false
    return this.full || this.waiting.every((r) => this.plan!.isHeld(r))
  }

  staysSteadyWith(): boolean {
    return this.full
  }

  settle(forms: number): void {
    this.ratio.advance(forms)
  }
}
