import { type Provider, type RequestDraft, ServesimError, type Workload, type WorkloadContext } from '@servesim/core'
import { z } from 'zod'
import { RequestShape, requestOptions } from './request-shape.js'

const openLoopOptions = z.strictObject({
  ratePerSecond: z.number().min(0.001).max(1e9).default(8).describe('Mean rate of arrivals, requests per second'),
  ...requestOptions,
})
type OpenLoopOptions = z.output<typeof openLoopOptions>

/** Arrivals of a Poisson process. The first request waits its gap too, as in vLLM's benchmark. */
export const poisson: Provider<Workload, WorkloadContext, typeof openLoopOptions> = {
  name: 'poisson',
  description: 'Arrivals at random with a mean rate, independent of completions.',
  options: openLoopOptions,
  build(options, context) {
    const arrivals = context.random.stream('workload/arrivals')
    return new OpenLoop(options, context, () => arrivals.exponential())
  },
}

/** Arrivals one by one at equal distances, the first after one distance. */
export const fixedRate: Provider<Workload, WorkloadContext, typeof openLoopOptions> = {
  name: 'fixed-rate',
  description: 'Arrivals at equal distances, independent of completions.',
  options: openLoopOptions,
  build: (options, context) => new OpenLoop(options, context, () => 1),
}

class OpenLoop implements Workload {
  readonly requestCount: number
  readonly prefixGroupTokens: number
  private readonly shape: RequestShape
  private readonly gapNs: number
  private index = 0
  /** Mean gaps since the start; summed as such and rounded once, so that equal gaps do not drift. */
  private elapsedGaps = 0

  constructor(
    { ratePerSecond, ...options }: OpenLoopOptions,
    context: WorkloadContext,
    private readonly drawGap: () => number,
  ) {
    this.shape = new RequestShape(options, context)
    this.requestCount = options.requestCount
    this.prefixGroupTokens = this.shape.prefixGroupTokens
    this.gapNs = 1e9 / ratePerSecond
    // Half of what exact integers hold (104 days), since random gaps may sum to more than their mean.
    if (this.requestCount * this.gapNs > 2 ** 52) {
      const message = `${this.requestCount} requests at ${ratePerSecond} per second last longer than 52 days.`
      throw new ServesimError('SERVESIM_BAD_OPTION', 'workload.ratePerSecond', message, 'Raise ratePerSecond or lower requestCount.')
    }
  }

  next(out: RequestDraft): 0 | 1 {
    if (this.index === this.requestCount) return 0
    this.elapsedGaps += this.drawGap()
    out.arrivalNs = Math.round(this.elapsedGaps * this.gapNs)
    this.shape.fill(this.index++, out)
    return 1
  }
}
