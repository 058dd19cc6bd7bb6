import { type SchedulerLimits, type SchedulerPoolContext, ServesimError } from '@servesim/core'
import { z } from 'zod'

const count = z.number().int().min(1).max(1_000_000)

export const options = z.strictObject({
  chunkedPrefillSize: z
    .union([z.literal(-1), count])
    .optional()
    .describe('Prompt tokens of a step at most; −1: prompts are never cut; absent: SGLang’s default for the device'),
  maxPrefillTokens: count.default(16_384).describe('Prompt tokens of a step at most, except for one longer prompt alone'),
  // The least that SGLang's own formula comes to.
  maxRunningRequests: count.default(2048).describe('Running requests at most'),
  schedulePolicy: z.enum(['fcfs', 'lpm']).default('fcfs').describe('Order of admission: first come, first served, or longest prefix match'),
  scheduleConservativeness: z.number().gt(0).max(100).default(1).describe('Scales the share of coming tokens that admission reserves'),
  enableMixedChunk: z.boolean().default(false).describe('Decodes take part in steps with prompts'),
  disableOverlapSchedule: z.boolean().default(false).describe('Form a step only when the one before has completed'),
  blockSizeTokens: z.number().int().min(1).max(4096).default(1).describe('Tokens of a KV block (SGLang’s page size)'),
})

export type Options = z.output<typeof options>

/** SGLang's chunk sizes by device memory (server_args.py): up to so many GiB, tokens. */
const chunkSizes = [
  [35, 2048],
  [60, 4096],
  [160, 8192],
  [Number.POSITIVE_INFINITY, 16_384],
] as const

/** Prompt tokens of a step at most; Infinity where prompts are not cut. */
export function chunkSizeOf({ chunkedPrefillSize }: Options, { device }: SchedulerPoolContext): number {
  if (chunkedPrefillSize === -1) return Number.POSITIVE_INFINITY
  return chunkedPrefillSize ?? chunkSizes.find(([gib]) => device.memoryBytes < gib * 2 ** 30)![1]
}

/** @throws ServesimError SERVESIM_BAD_OPTION where SGLang refuses to start */
export function limitsOf(own: Options, context: SchedulerPoolContext): SchedulerLimits {
  const { blockSizeTokens, maxRunningRequests, maxPrefillTokens } = own
  const chunkSize = chunkSizeOf(own, context)
  if (Number.isFinite(chunkSize) && chunkSize % blockSizeTokens !== 0) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      `${context.path}.chunkedPrefillSize`,
      `Chunks of ${chunkSize} tokens are not made of whole blocks of ${blockSizeTokens} tokens.`,
      'Choose a multiple of blockSizeTokens.',
    )
  }
  if (own.enableMixedChunk && !Number.isFinite(chunkSize)) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      `${context.path}.enableMixedChunk`,
      'Decodes can take part in steps with prompts only where prompts may be cut.',
      'Give a chunkedPrefillSize other than −1, or leave enableMixedChunk off.',
    )
  }
  const promptTokens = Number.isFinite(chunkSize) ? chunkSize : Math.max(maxPrefillTokens, context.maxModelLenTokens)
  return {
    maxNumBatchedTokens: Math.max(promptTokens, maxRunningRequests),
    maxNumSeqs: maxRunningRequests,
    // SGLang switches overlap off where there are pipeline stages.
    depth: own.disableOverlapSchedule || (context.pipelineStages ?? 1) > 1 ? 1 : 2,
    engineRelease: 'sglang-0.5',
    // mem_fraction_static on one device: weights and KV; temporaries live in the rest.
    gpuMemoryUtilization: 0.88,
    temporariesOutside: true,
    reservedBlocks: 0,
    blockSizeTokens,
    sharing: 'computed',
    freesRejected: true,
    loads: true,
    // Its loop does not sleep.
    emptyTurnNs: 0,
  }
}
