import { type RequestDraft, ServesimError, type WorkloadContext } from '@servesim/core'
import { z } from 'zod'
import { lengthSampler, lengthSchema } from './length.js'

/** Options that every generator shares. */
export const requestOptions = {
  requestCount: z.int().min(1).max(1_000_000_000).default(300).describe('Requests in all'),
  promptTokens: lengthSchema.default(512).describe('Prompt length, tokens, without the shared prefix'),
  outputTokens: lengthSchema.default(128).describe('Tokens to generate'),
  outputLimitTokens: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe('Tokens that clients allow; outputs below it end by their end of sequence, which no scheduler foresees. Absent: by length'),
  tenants: z
    .array(
      z.strictObject({
        share: z.number().gt(0).max(1e9).default(1).describe('Weight of its requests among all'),
        priority: z.int().min(-1e9).max(1e9).default(0).describe('Lower is served first under a priority policy'),
      }),
    )
    .min(1)
    .max(1000)
    .optional()
    .describe('Who sends the requests, each drawn by weight; one tenant of priority 0 where absent'),
  sharedPrefix: z
    .strictObject({
      groups: z.int().min(1).max(1_000_000).describe('Different prefixes; each request draws one of them'),
      tokens: z.int().min(1).max(10_000_000).describe('Length of each prefix, tokens, before the prompt'),
    })
    .optional()
    .describe('A prefix that requests have in common, such as a system prompt: what a prefix cache can hit'),
}

const shapeSchema = z.strictObject(requestOptions)
type ShapeOptions = z.output<typeof shapeSchema>

/** Gives each request its lengths and the identity of its shared prefix, from streams of its own. */
export class RequestShape {
  /** Tokens that one prefix id covers; 0 without a shared prefix. */
  readonly prefixGroupTokens: number
  private readonly prompt: (index: number) => number
  private readonly output: (index: number) => number
  private readonly outputLimitTokens: number
  private readonly tenants: NonNullable<ShapeOptions['tenants']>
  private readonly tenantWeight: number
  private readonly prefixTokens: number
  private readonly prefixCount: number
  private readonly prefixIds: Int32Array

  constructor(
    { promptTokens, outputTokens, outputLimitTokens, tenants, sharedPrefix }: ShapeOptions,
    private readonly context: WorkloadContext,
  ) {
    this.prompt = lengthSampler(promptTokens, context.random, 'workload/prompt')
    this.output = lengthSampler(outputTokens, context.random, 'workload/output')
    this.outputLimitTokens = outputLimitTokens ?? 0
    this.tenants = tenants ?? []
    this.tenantWeight = this.tenants.reduce((sum, { share }) => sum + share, 0)
    this.prefixTokens = sharedPrefix?.tokens ?? 0
    this.prefixCount = sharedPrefix?.groups ?? 0
    this.prefixGroupTokens = sharedPrefix === undefined ? 0 : context.blockSizeTokens
    this.prefixIds = new Int32Array(sharedPrefix === undefined ? 0 : Math.floor(sharedPrefix.tokens / context.blockSizeTokens))
    if (this.prefixIds.length * this.prefixCount >= 2 ** 31) {
      const message = `${this.prefixCount} prefixes of ${this.prefixTokens} tokens are more than 2^31 blocks of ${context.blockSizeTokens} tokens.`
      throw new ServesimError('SERVESIM_BAD_OPTION', 'workload.sharedPrefix', message, 'Use fewer or shorter prefixes.')
    }
  }

  private drawTenant(index: number, out: RequestDraft): void {
    const { tenants } = this
    if (tenants.length === 0) return
    let left = this.context.random.stream('workload/tenant', index).uniform() * this.tenantWeight
    let tenant = 0
    while (tenant < tenants.length - 1 && left >= tenants[tenant]!.share) left -= tenants[tenant++]!.share
    out.tenant = tenant
    out.priority = tenants[tenant]!.priority
  }

  fill(index: number, out: RequestDraft): void {
    out.promptTokens = this.prefixTokens + this.prompt(index)
    out.outputTokens = this.output(index)
    if (this.outputLimitTokens > 0) {
      out.outputTokens = Math.min(out.outputTokens, this.outputLimitTokens)
      out.outputLimitTokens = this.outputLimitTokens
    }
    this.drawTenant(index, out)
    out.prefixIds = undefined
    out.prefixIdCount = 0
    if (this.prefixCount === 0) return
    const first = this.context.random.stream('workload/prefix', index).integer(this.prefixCount) * this.prefixIds.length
    for (let i = 0; i < this.prefixIds.length; i++) this.prefixIds[i] = first + i
    out.prefixIds = this.prefixIds
    out.prefixIdCount = this.prefixIds.length
  }
}
