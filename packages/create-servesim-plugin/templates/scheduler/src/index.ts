import { definePlugin, type Plugin, type RequestTable, type Scheduler, type StepPlan, scheduler } from '@servesim/core'
import { z } from 'zod'

const options = z.strictObject({
  maxNumSeqs: z.number().int().min(1).max(10_000).default(64).describe('Running requests at most'),
  blockSizeTokens: z.number().int().min(1).max(4096).default(16).describe('Tokens of a KV block'),
})

type Options = z.output<typeof options>

/** First come, first served: whole prompts, and no preemption, since memory for all of a request is set aside when it is admitted. */
export const exampleName: Plugin = definePlugin('scheduler-example-name', (host) => {
  host.provide(scheduler, {
    name: 'example-name',
    description: 'First come, first served, without chunks and without preemption.',
    options,
    limits: ({ maxNumSeqs, blockSizeTokens }, { maxModelLenTokens }) => ({
      maxNumSeqs,
      blockSizeTokens,
      // The longest prompt must fit a step beside all that decode.
      maxNumBatchedTokens: maxModelLenTokens + maxNumSeqs,
      depth: 1,
      engineRelease: '0.19',
      gpuMemoryUtilization: 0.9,
      reservedBlocks: 0,
    }),
    build: (own, { requests, limits }) => new ExampleName(own, requests, limits.maxNumBatchedTokens),
  })
})

export default exampleName

class ExampleName implements Scheduler {
  readonly reads = 'sequences'
  private readonly waiting: number[] = []
  private plan: StepPlan | undefined

  constructor(
    private readonly own: Options,
    private readonly requests: RequestTable,
    private readonly maxTokens: number,
  ) {}

  get waitingCount(): number {
    return this.waiting.length
  }

  enqueue(request: number): void {
    this.waiting.push(request)
  }

  /** It may wait or run; who runs is core's affair. */
  withdraw(request: number): void {
    const at = this.waiting.indexOf(request)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  form(plan: StepPlan): void {
    this.plan = plan
    const { running } = plan
    for (let i = 0; i < running.length; i++) if (!plan.awaitsToken(running.at(i))) plan.schedule(running.at(i), 1)
    let budget = this.maxTokens - running.length
    while (this.waiting.length > 0 && !this.isFull) {
      const request = this.waiting[0]!
      if (plan.isHeld(request)) return
      const hit = plan.match(request)
      const tokens = this.requests.promptTokens[request]! - hit * this.own.blockSizeTokens
      if (tokens > budget || !plan.admit(request, tokens, hit, this.reservedTokens(request))) return
      this.waiting.shift()
      budget -= tokens
    }
  }

  /** Asked after each form: will the next ones schedule one token of each running request and nothing else? */
  steady(): boolean {
    return this.waiting.length === 0 || this.isFull || !this.plan!.matchMayGrow(this.waiting[0]!)
  }

  staysSteadyWith(): boolean {
    return this.waiting.length > 0 || this.isFull
  }

  private get isFull(): boolean {
    return this.plan !== undefined && this.plan.running.length >= this.own.maxNumSeqs
  }

  /** All that a candidate and the running requests will still ask for. */
  private reservedTokens(candidate: number): number {
    const { running } = this.plan!
    let blocks = this.blocksOf(candidate)
    for (let i = 0; i < running.length; i++) blocks += this.blocksOf(running.at(i)) - this.requests.blocks[running.at(i)]!
    return blocks * this.own.blockSizeTokens
  }

  private blocksOf(request: number): number {
    return Math.ceil((this.requests.promptTokens[request]! + this.requests.maxOutputTokens[request]!) / this.own.blockSizeTokens)
  }
}
