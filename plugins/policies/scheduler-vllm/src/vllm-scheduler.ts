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
    if (!this.preempted) this.admitWaiting(plan, left)
  }

  /** @returns the token budget that is left */
  private scheduleRunning(plan: StepPlan, tokens: number): number {
    const { running } = plan
    let budget = tokens
    for (let i = 0; i < running.length && budget > 0; ) {
      const r = running.at(i)
      const n = plan.awaitsToken(r) ? 0 : Math.min(this.tokensToRun(r), budget - this.draftingTokens)
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
    const { waiting, requests, options } = this
    let budget = tokens
    this.stop = 'empty'
    for (let r = this.nextWaiting(plan); r >= 0; r = this.nextWaiting(plan)) {
      if (budget <= this.draftingTokens) {
        this.stop = 'budget'
        return
      }
      if (plan.running.length >= this.maxNumSeqs) {
        this.stop = 'sequences'
        return
      }
      const total = requests.promptTokens[r]! + requests.outputTokens[r]!
      const hit = plan.match(r)
      let n = this.cutLong(total - hit * this.blockSize)
      const left = budget - this.draftingTokens
      if (!options.enableChunkedPrefill && n > left) {
        this.stop = 'budget'
        return
      }
      n = Math.min(n, left)
      const computed = hit * this.blockSize + n
      const mustFit = (options.schedulerReserveFullIsl ? Math.min(total, this.maxModelLen) : computed) + this.watermarkTokens(plan)
      const lookahead = this.release.lookaheadAtAdmission ? this.lookaheadBehind(computed) : 0
      if (!plan.admit(r, n, hit, mustFit, lookahead)) {
        this.stop = 'blocks'
        return
      }
      if (waiting.length > 0 && waiting.peek() === r) waiting.pop()
      else this.unskip(r)
      budget -= n + this.draftingTokens
    }
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
      if (plan.isHeld(r)) continue
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
    // A head that lacks blocks, or budget for the whole of its prompt, goes on lacking them while others only take more, unless what they
    // generate is what it begins with.
    if (this.stages > 1 && this.leftByBudget) return false
    if (this.stop === 'blocks' || this.stop === 'budget') return !this.plan!.matchMayGrow(this.nextWaiting(this.plan!))
    return true
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
