import { definePlugin, type RequestTable, type Scheduler, type StepPlan, scheduler } from '@servesim/core'
import { z } from 'zod'

const options = z.strictObject({
  maxNumSeqs: z.number().int().min(1).max(10_000).default(8).describe('Running requests at most'),
  promptsPerStep: z.number().int().min(1).max(10_000).default(10_000).describe('Admissions in one step at most'),
  blockSizeTokens: z.number().int().min(1).max(4096).default(4).describe('Tokens of a KV block'),
})

type ToySchedulerOptions = z.output<typeof options>

/** The plainest scheduler that serves every request: first come, first served, whole prompts, no preemption. */
export const toySchedulers = definePlugin('toy-scheduler', (host) => {
  host.provide(scheduler, {
    name: 'toy-scheduler',
    description: 'First come, first served, without chunks and without preemption.',
    options,
    limits: ({ maxNumSeqs, blockSizeTokens }, { maxModelLenTokens }) => ({
      maxNumSeqs,
      blockSizeTokens,
      maxNumBatchedTokens: maxModelLenTokens + maxNumSeqs,
      depth: 1,
      engineRelease: '0.19',
      gpuMemoryUtilization: 0.9,
      reservedBlocks: 0,
    }),
    build: (own, { requests, limits }) => new ToyScheduler(own, requests, limits.maxNumBatchedTokens),
  })
})

class ToyScheduler implements Scheduler {
  readonly reads = 'sequences'
  private readonly waiting: number[] = []
  private plan: StepPlan | undefined
  /** The last form stopped because it had admitted enough. */
  private admittedMost = false

  constructor(
    private readonly own: ToySchedulerOptions,
    private readonly requests: RequestTable,
    private readonly maxTokens: number,
  ) {}

  get waitingCount(): number {
    return this.waiting.length
  }

  enqueue(request: number): void {
    this.waiting.push(request)
  }

  withdraw(request: number): void {
    const at = this.waiting.indexOf(request)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  form(plan: StepPlan): void {
    this.plan = plan
    const { running } = plan
    let budget = this.maxTokens - running.length
    for (let i = 0; i < running.length; i++) if (!plan.awaitsToken(running.at(i))) plan.schedule(running.at(i), 1)
    this.admittedMost = false
    for (let admitted = 0; this.waiting.length > 0 && !this.full; admitted++) {
      this.admittedMost = admitted === this.own.promptsPerStep
      if (this.admittedMost) return
      const r = this.waiting[0]!
      if (plan.isHeld(r)) return
      const hit = plan.match(r)
      const tokens = this.requests.promptTokens[r]! - hit * this.own.blockSizeTokens
      if (tokens > budget || !plan.admit(r, tokens, hit, this.reservedTokens(r))) return
      this.waiting.shift()
      budget -= tokens
    }
  }

  private get full(): boolean {
    return this.plan !== undefined && this.plan.running.length >= this.own.maxNumSeqs
  }

  /** All that `candidate` and the running requests will still ask for, so that no step ever lacks a block. */
  private reservedTokens(candidate: number): number {
    const { blocks } = this.requests
    let reserved = this.wholeBlocks(candidate)
    const { running } = this.plan!
    for (let i = 0; i < running.length; i++) reserved += this.wholeBlocks(running.at(i)) - blocks[running.at(i)]!
    return reserved * this.own.blockSizeTokens
  }

  private wholeBlocks(request: number): number {
    return Math.ceil((this.requests.promptTokens[request]! + this.requests.maxOutputTokens[request]!) / this.own.blockSizeTokens)
  }

  /** Who waits goes on waiting: what running requests take was reserved for them. Only their text could make a hit longer. */
  steady(): boolean {
    if (this.admittedMost) return false
    return this.waiting.length === 0 || this.full || !this.plan!.matchMayGrow(this.waiting[0]!)
  }

  staysSteadyWith(): boolean {
    return this.waiting.length > 0 || this.full
  }
}
