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
      loads: true,
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
    let admitted = 0
    for (let next = 0; next < this.waiting.length && !this.full; ) {
      this.admittedMost = admitted === this.own.promptsPerStep
      if (this.admittedMost) return
      const r = this.waiting[next]!
      if (plan.isHeld(r)) {
        next++
        continue
      }
      // What was brought from behind the device counts as computed.
      const loaded = this.requests.blocks[r]! > 0
      const hit = loaded ? 0 : plan.match(r)
      const more = loaded ? 0 : plan.loadable(r, hit)
      if (more > 0 && !plan.load(r, hit, more, this.reservedTokens(r))) return
      if (more !== 0) {
        next++
        continue
      }
      const tokens = this.requests.promptTokens[r]! - (loaded ? this.requests.computedTokens[r]! : hit * this.own.blockSizeTokens)
      if (tokens > budget || !plan.admit(r, tokens, hit, this.reservedTokens(r))) return
      this.waiting.splice(next, 1)
      budget -= tokens
      admitted++
    }
  }

  private get full(): boolean {
    return this.plan !== undefined && this.plan.running.length >= this.own.maxNumSeqs
  }

  /** All that `candidate` and the running requests will still ask for, so that no step ever lacks a block. */
  private reservedTokens(candidate: number): number {
    const { blocks } = this.requests
    let reserved = this.wholeBlocks(candidate)
    for (const r of this.waiting) if (r !== candidate && blocks[r]! > 0) reserved += this.wholeBlocks(r) - blocks[r]!
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
    const plan = this.plan!
    return this.full || this.waiting.every((r) => plan.isHeld(r) || (plan.loadable(r, plan.match(r)) >= 0 && !plan.matchMayGrow(r)))
  }

  staysSteadyWith(): boolean {
    return this.full || this.waiting.some((r) => !this.plan!.isHeld(r))
  }
}
