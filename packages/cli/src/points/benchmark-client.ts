import { definePlugin, type OptionsSchema, type Plugin, type RequestDraft, type Workload, workload } from '@servesim/core'
import { closedLoop } from '@servesim/workload'

/**
 * The way of a request through vLLM's front end, up to 0.23: a tokeniser that waits for company, encodes and hands over one after the other, and
 * the way of a token back through detokeniser and HTTP. Source: reference figures of vLLM V1 (waits up to 2 ms, 0.3 to 1 ms per thousand tokens, 0.1 to
 * 0.3 ms to the engine; 3 to 6 ms in all for text over HTTP); the middle of each range.
 */
export const frontEnd = { companyMs: 2, handOverMs: 0.2, encodeMsPerToken: 0.65e-3, backMs: 1.5 }

/** How long the requests of a run were on their way outside the engine. */
export interface ClientTimes {
  /** Between sending and the engine's queue, all requests together, ms. */
  inMs: number
  requests: number
}

/** Time to the first token as the client sees it, beyond the engine's, on average. */
export function outsideMs({ inMs, requests }: ClientTimes): number {
  return requests === 0 ? 0 : inMs / requests + frontEnd.backMs
}

/**
 * A closed loop whose requests reach the engine through the front end, one after the other: those of a burst do not arrive together, and a user's
 * next request only after the answer has come back.
 */
export function benchmarkClient(times: ClientTimes): Plugin {
  return definePlugin('workload-benchmark-client', (host) => {
    host.provide(workload, {
      name: 'benchmark-client',
      description: 'A closed loop through a front end.',
      options: closedLoop.options as unknown as OptionsSchema,
      build: (options, context) => new FrontEnd(closedLoop.build(options as never, context), times),
    })
  })
}

class FrontEnd implements Workload {
  readonly requestCount: number | undefined
  readonly prefixGroupTokens: number
  /** When the tokeniser is free again, and when the engine last got a request, ns. */
  private freeNs = 0
  private lastNs = 0

  constructor(
    private readonly users: Workload,
    private readonly times: ClientTimes,
  ) {
    this.requestCount = users.requestCount
    this.prefixGroupTokens = users.prefixGroupTokens
  }

  next(out: RequestDraft): 0 | 1 | 2 {
    const state = this.users.next(out)
    if (state !== 1) return state
    const sentNs = out.arrivalNs
    const startNs = Math.max(sentNs + frontEnd.companyMs * 1e6, this.freeNs)
    this.freeNs = startNs + Math.round((frontEnd.handOverMs + frontEnd.encodeMsPerToken * out.promptTokens) * 1e6)
    this.lastNs = Math.max(this.lastNs, this.freeNs)
    out.arrivalNs = this.lastNs
    this.times.inMs += (this.lastNs - sentNs) / 1e6
    this.times.requests++
    return 1
  }

  onEnd(arrivalIndex: number, timeNs: number): void {
    this.users.onEnd?.(arrivalIndex, timeNs + Math.round(frontEnd.backMs * 1e6))
  }
}
