import { definePlugin, type RequestDraft, type Workload, workload } from '@servesim/core'
import { z } from 'zod'

const request = z.strictObject({
  arrivalNs: z.number().int().min(0),
  promptTokens: z.number().int().min(1),
  outputTokens: z.number().int().min(1),
  /** More than `outputTokens`: the request ends by its end of sequence. */
  outputLimitTokens: z.number().int().min(0).default(0),
  priority: z.number().int().default(0),
  tenant: z.number().int().min(0).default(0),
  /** When its client goes away. */
  cancelNs: z.number().int().min(0).optional(),
  prefixIds: z.array(z.number().int().min(0)).optional(),
})

const options = z.strictObject({
  requests: z.array(request).describe('Requests in order of arrival'),
  prefixGroupTokens: z.number().int().min(1).default(4).describe('Tokens that one prefix id stands for'),
})

export type ListedRequest = z.input<typeof request>

/** Requests as a literal list. */
export const listWorkloads = definePlugin('list-workload', (host) => {
  host.provide(workload, {
    name: 'list',
    description: 'Requests as a literal list.',
    options,
    build: ({ requests, prefixGroupTokens }) => new ListWorkload(requests, prefixGroupTokens),
  })
})

class ListWorkload implements Workload {
  private nextIndex = 0

  constructor(
    private readonly requests: z.output<typeof request>[],
    readonly prefixGroupTokens: number,
  ) {}

  get requestCount(): number {
    return this.requests.length
  }

  next(out: RequestDraft): 0 | 1 {
    const request = this.requests[this.nextIndex++]
    if (request === undefined) return 0
    out.arrivalNs = request.arrivalNs
    out.promptTokens = request.promptTokens
    out.outputTokens = request.outputTokens
    out.outputLimitTokens = request.outputLimitTokens
    out.priority = request.priority
    out.tenant = request.tenant
    if (request.cancelNs !== undefined) out.cancelNs = request.cancelNs
    out.prefixIds = request.prefixIds === undefined ? undefined : Int32Array.from(request.prefixIds)
    out.prefixIdCount = request.prefixIds?.length ?? 0
    return 1
  }
}
