import { type RequestTable, type Scheduler, type SchedulerContext, ServesimError, type StepPlan } from '@servesim/core'
import type { Options } from './options.js'
import { type Release, releases } from './release.js'
import { comesBefore, FcfsQueue, PriorityQueue, type WaitingQueue } from './waiting-queue.js'

/** Why the waiting pass of the last form stopped. */
type Stop = 'empty' | 'sequences' | 'blocks' | 'budget'

/**
 * vLLM's V1 scheduler, rule by rule (`Scheduler.schedule` of 0.19). There is no prefill phase and no decode phase: each step gives every
 * request some tokens, so that its computed tokens catch up with its sequence. Running requests come first, then waiting ones.
 */
export class VllmScheduler implements Scheduler {
  readonly reads = 'sequences'
  private readonly waiting: WaitingQueue
  /** Requests that were held back when their turn came; those that are not any more go ahead of the waiting ones (vLLM from 0.18). */
  private readonly skipped: number[] = []
  /** Requests that a tier cannot answer for yet: they step aside for the rest of the form. */
  private readonly unanswered: number[] = []
  private readonly requests: RequestTable
  private readonly release: Release
  private readonly maxModelLen: number
  private readonly maxNumSeqs: number
  private readonly maxTokens: number
  private readonly blockSize: number
  private readonly reservedBlocks: number
  /** KV slots beyond the scheduled tokens of a running request, and budget that it takes beyond them: both for drafting. */
  private readonly lookahead: number
  private readonly draftingTokens: number
  private readonly stages: number
  private preempted = false
  private stop: Stop = 'empty'
  /** The request that it stopped at. */
  private stoppedAt = -1
  private plan: StepPlan | undefined

  constructor(
    private readonly options: Options,
    { path, requests, limits, maxModelLenTokens, decode, pipelineStages = 1 }: SchedulerContext,
  ) {
    this.requests = requests
    this.release = releases[options.release]
    this.maxModelLen = maxModelLenTokens
    this.maxNumSeqs = limits.maxNumSeqs
    this.lookahead = decode?.lookaheadSlots ?? 0
    const slots = decode?.budgetSlots ?? 0
    this.draftingTokens = this.release.chargesDraftingByRequest ? slots : 0
    this.maxTokens = limits.maxNumBatchedTokens - (this.release.chargesDraftingByRequest ? 0 : slots * limits.maxNumSeqs)
    if (this.maxTokens < 1) {
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        `${path}.maxNumBatchedTokens`,
        `Drafting takes ${slots} tokens for each of ${limits.maxNumSeqs} sequences, which leaves none of ${limits.maxNumBatchedTokens} for a step.`,
        'Raise maxNumBatchedTokens, or lower maxNumSeqs.',
      )
    }
    const most = this.maxTokens - this.draftingTokens
    if (!options.enableChunkedPrefill && most < maxModelLenTokens) {
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        `${path}.maxNumBatchedTokens`,
        `A step takes ${most} tokens${slots > 0 ? ' beside what drafting takes' : ''}, and a prompt of up to ${maxModelLenTokens} may not be cut.`,
        'Raise maxNumBatchedTokens, lower maxModelLenTokens, or switch enableChunkedPrefill on.',
      )
    }
    this.blockSize = limits.blockSizeTokens
    this.reservedBlocks = limits.reservedBlocks
    this.stages = pipelineStages
    this.waiting = options.policy === 'fcfs' ? new FcfsQueue() : new PriorityQueue(requests)
  }

  get waitingCount(): number {
    return this.waiting.length + this.skipped.length
  }

  enqueue(request: number): void {
    this.waiting.push(request)
  }

  withdraw(request: number): void {
    this.waiting.remove(request)
    this.unskip(request)
  }

  form(plan: StepPlan): void {
    this.plan = plan
    this.preempted = false
    const left = this.scheduleRunning(plan, this.maxTokens)
    // A step that had to preempt admits nothing: what was freed is for those that run.
    if (this.unanswered.length > 0) this.unanswered.length = 0
    if (!this.preempted) this.admitWaiting(plan, left)
  }

  /** @returns the token budget that is left */
  private scheduleRunning(plan: StepPlan, tokens: number): number {
    const { running } = plan
    let budget = tokens
    for (let i = 0; i < running.length && budget > 0; ) {
      const r = running.at(i)
      const n = this.stages > 1 && plan.awaitsToken(r) ? 0 : Math.min(this.tokensToRun(r), budget - this.draftingTokens)
      // Nothing to run for this one: those behind it still may, so this is not strictly first come, first served.
      if (n <= 0) {
        i++
        continue
      }
      const lookahead = this.lookaheadBehind(this.requests.computedTokens[r]! + n)
      let scheduled = plan.schedule(r, n, lookahead)
      while (!scheduled) {
        const victim = this.victim(plan)
        const { given, before } = this.preempt(plan, victim, i)
        budget += given
        if (before) i--
        if (victim === r) return budget
        scheduled = plan.schedule(r, n, lookahead)
      }
      budget -= n + this.draftingTokens
      i++
    }
    return budget
  }

  /** Slots for drafting behind so many tokens of a sequence, whose own length is limited. */
  private lookaheadBehind(tokens: number): number {
    return Math.min(this.lookahead, this.maxModelLen - tokens)
  }

  /** Tokens that a running request lacks, its drafts included; 0 when its last one is already in flight. */
  private tokensToRun(r: number): number {
    const { promptTokens, outputTokens, placeholderTokens, computedTokens, maxOutputTokens, draftTokens } = this.requests
    const computed = computedTokens[r]!
    const placeholders = placeholderTokens[r]!
    if (placeholders > 0 && computed + 2 - placeholders >= promptTokens[r]! + maxOutputTokens[r]!) return 0
    const missing = promptTokens[r]! + outputTokens[r]! + draftTokens[r]! + placeholders - computed
    return Math.min(this.cutLong(missing), this.maxModelLen - 1 - computed)
  }

  private cutLong(tokens: number): number {
    const { longPrefillTokenThreshold } = this.options
    return longPrefillTokenThreshold > 0 ? Math.min(tokens, longPrefillTokenThreshold) : tokens
  }

  /** First come, first served: the request admitted last. Priority: the least urgent, among those the one that arrived last. */
  private victim({ running }: StepPlan): number {
    let victim = running.at(running.length - 1)
    if (this.options.policy === 'fcfs') return victim
    for (let i = 0; i < running.length; i++) if (comesBefore(this.requests, victim, running.at(i))) victim = running.at(i)
    return victim
  }

  /** Takes a victim's blocks; what it had got in this step goes back to the budget. `before`: the running pass steps back by one. */
  private preempt(plan: StepPlan, victim: number, current: number): { given: number; before: boolean } {
    let earlier = false
    for (let i = 0; i < current && !earlier; i++) earlier = plan.running.at(i) === victim
    const given = earlier ? plan.unschedule(victim) : 0
    plan.preempt(victim)
    this.waiting.pushBack(victim)
    this.preempted = true
    return { given, before: earlier && (given > 0 || this.release.stepsBackForEveryVictim) }
  }

  /** Admits from the head of the queue; the first that does not fit blocks those behind it. */
  private admitWaiting(plan: StepPlan, tokens: number): void {
    const { requests, options } = this
    let budget = tokens
    this.stop = 'empty'
    for (let r = this.nextWaiting(plan); r >= 0; r = this.nextWaiting(plan)) {
      this.stoppedAt = r
      if (budget <= this.draftingTokens) {
        this.stop = 'budget'
        return
      }
      if (plan.running.length >= this.maxNumSeqs) {
        this.stop = 'sequences'
        return
      }
      const total = requests.promptTokens[r]! + requests.outputTokens[r]!
      // What a tier has brought counts as computed.
      const loaded = requests.blocks[r]! > 0
      const hit = loaded ? 0 : plan.match(r)
      const cached = loaded ? requests.computedTokens[r]! : hit * this.blockSize
      const more = loaded ? 0 : plan.loadable(r, hit)
      if (more < 0) {
        this.unanswered.push(r)
        this.skip(r)
        continue
      }
      const whole = options.schedulerReserveFullIsl ? Math.min(total, this.maxModelLen) : 0
      if (more > 0) {
        if (!this.load(plan, r, hit, more, Math.max(whole, cached + more) + this.watermarkTokens(plan))) {
          this.stop = 'blocks'
          return
        }
        this.skip(r)
        continue
      }
      let n = this.cutLong(total - cached)
      const left = budget - this.draftingTokens
      if (!options.enableChunkedPrefill && n > left) {
        this.stop = 'budget'
        return
      }
      n = Math.min(n, left)
      const mustFit = Math.max(whole, cached + n) + this.watermarkTokens(plan)
      const lookahead = this.release.lookaheadAtAdmission || loaded ? this.lookaheadBehind(cached + n) : 0
      if (!plan.admit(r, n, hit, mustFit, lookahead)) {
        this.stop = 'blocks'
        return
      }
      this.remove(r)
      budget -= n + this.draftingTokens
    }
  }

  private load(plan: StepPlan, r: number, hit: number, tokens: number, mustFit: number): boolean {
    let reserved = this.reservedTokens(plan, r)
    while (!plan.load(r, hit, tokens, mustFit + reserved)) {
      // Where nothing else could go on, requests have just lost what was reserved for.
      const before = reserved
      reserved = this.reservedTokens(plan, r)
      if (reserved === before) return false
    }
    return true
  }

  /** The request that `nextWaiting` gave steps aside; one that had done so before keeps its place. */
  private skip(request: number): void {
    const { waiting } = this
    if (waiting.length === 0 || waiting.peek() !== request) return
    waiting.pop()
    this.skipped.push(request)
  }

  /** The request that `nextWaiting` gave leaves its queue. */
  private remove(request: number): void {
    const { waiting } = this
    if (waiting.length > 0 && waiting.peek() === request) waiting.pop()
    else this.unskip(request)
  }

  /** What unfinished prefills and requests whose KV was or is brought still lack (vLLM from 0.23). */
  private reservedTokens({ running }: StepPlan, loading: number): number {
    if (!this.release.reservesForLoads) return 0
    const { promptTokens, outputTokens, computedTokens, blocks } = this.requests
    let reserved = 0
    const lacks = (r: number) => Math.max(0, Math.ceil((promptTokens[r]! + outputTokens[r]!) / this.blockSize) - blocks[r]!)
    for (let i = 0; i < running.length; i++) {
      const r = running.at(i)
      if (computedTokens[r]! < promptTokens[r]! + outputTokens[r]!) reserved += lacks(r)
    }
    for (const r of this.skipped) if (r !== loading && blocks[r]! > 0) reserved += lacks(r)
    return reserved * this.blockSize
  }

  /** What an admission beside running requests leaves free; vLLM counts the blocks that it keeps for itself in. */
  private watermarkTokens({ running, totalBlocks }: StepPlan): number {
    if (running.length === 0) return 0
    return Math.floor(this.options.watermark * (totalBlocks + this.reservedBlocks)) * this.blockSize
  }

  /** The request whose turn it is; those held back step aside and let others pass. −1: none. */
  private nextWaiting(plan: StepPlan): number {
    const { waiting, skipped, requests, options } = this
    while (waiting.length > 0 && plan.isHeld(waiting.peek())) {
      skipped.push(waiting.peek())
      waiting.pop()
    }
    const head = waiting.length > 0 ? waiting.peek() : -1
    let ready = -1
    for (const r of skipped) {
      if (plan.isHeld(r) || this.unanswered.includes(r)) continue
      if (ready < 0 || (options.policy === 'priority' && comesBefore(requests, r, ready))) ready = r
    }
    if (ready < 0 || head < 0) return Math.max(ready, head)
    return options.policy === 'fcfs' || comesBefore(requests, ready, head) ? ready : head
  }

  private unskip(request: number): void {
    const at = this.skipped.indexOf(request)
    if (at >= 0) this.skipped.splice(at, 1)
  }

  steady(): boolean {
    if (this.preempted) return false
    const plan = this.plan!
    if (this.unanswered.length > 0) return false
    // Where only the first tokens must fit, a head could do with fewer once its hits are lost to those that run: a tier may have less.
    if (this.stop === 'blocks' && !this.options.schedulerReserveFullIsl && plan.mayLoad) return false
    // A head that lacks blocks, or budget for the whole of its prompt, goes on lacking them while others only take more, unless what they
    // generate is what it begins with.
    if (this.stages > 1 && this.leftByBudget) return false
    return (this.stop !== 'blocks' && this.stop !== 'budget') || !plan.matchMayGrow(this.stoppedAt)
  }

  /** Whether how much budget was left has decided about the head: steps of a pipeline are of different size, and leave more or less. */
  private get leftByBudget(): boolean {
    return this.stop === 'budget' || (this.stop === 'blocks' && !this.options.schedulerReserveFullIsl)
  }

  staysSteadyWith(): boolean {
    if (this.options.policy === 'priority') return this.stop === 'sequences' || this.plan!.running.length >= this.maxNumSeqs
    return this.stop !== 'empty' || this.plan!.running.length >= this.maxNumSeqs
  }
}
