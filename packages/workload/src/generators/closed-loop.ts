import type { Provider, RequestDraft, Workload, WorkloadContext } from '@servesim/core'
import { z } from 'zod'
import { RequestShape, requestOptions } from './request-shape.js'

const closedLoopOptions = z.strictObject({
  concurrency: z.int().min(1).max(1_000_000).default(16).describe('Users, each with at most one request at a time'),
  thinkTimeMs: z.number().min(0).max(86_400_000).default(0).describe("From a request's end to the same user's next one, ms"),
  ...requestOptions,
})

/** Users who wait for their answer before they ask again; all ask first at time 0. */
export const closedLoop: Provider<Workload, WorkloadContext, typeof closedLoopOptions> = {
  name: 'closed-loop',
  description: 'A fixed number of users who send their next request when the one before has ended.',
  options: closedLoopOptions,
  build: (options, context) => new ClosedLoop(options, context),
}

class ClosedLoop implements Workload {
  readonly requestCount: number
  readonly prefixGroupTokens: number
  private readonly shape: RequestShape
  private readonly thinkNs: number
  private index = 0
  /** Arrival times of the users who are free, a ring. Every user thinks equally long, so order of ending is order of asking. */
  private readonly askNs: Float64Array
  private firstAsk = 0
  private askCount: number

  constructor({ concurrency, thinkTimeMs, ...options }: z.output<typeof closedLoopOptions>, context: WorkloadContext) {
    this.shape = new RequestShape(options, context)
    this.requestCount = options.requestCount
    this.prefixGroupTokens = this.shape.prefixGroupTokens
    this.thinkNs = Math.round(thinkTimeMs * 1e6)
    this.askNs = new Float64Array(concurrency)
    this.askCount = concurrency
  }

  next(out: RequestDraft): 0 | 1 | 2 {
    if (this.index === this.requestCount) return 0
    if (this.askCount === 0) return 2
    out.arrivalNs = this.askNs[this.firstAsk]!
    this.firstAsk = (this.firstAsk + 1) % this.askNs.length
    this.askCount--
    this.shape.fill(this.index++, out)
    return 1
  }

  onEnd(_arrivalIndex: number, timeNs: number): void {
    this.askNs[(this.firstAsk + this.askCount++) % this.askNs.length] = timeNs + this.thinkNs
  }
}
