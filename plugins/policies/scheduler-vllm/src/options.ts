import { type SchedulerLimits, type SchedulerPoolContext, ServesimError } from '@servesim/core'
import { z } from 'zod'
import { type ReleaseName, releases } from './release.js'

const releaseNames = Object.keys(releases) as [ReleaseName, ...ReleaseName[]]

const count = z.number().int().min(1).max(1_000_000)

export const options = z.strictObject({
  // YAML reads 0.28 as a number.
  release: z
    .enum(releaseNames)
    .or(z.literal(releaseNames.map(Number)).transform((release) => String(release) as ReleaseName))
    .default('0.19')
    .describe('Release of vLLM that is mimicked'),
  maxNumSeqs: count.optional().describe('Running requests at most; absent: vLLM’s default for the device'),
  maxNumBatchedTokens: count.optional().describe('Tokens of a step at most; absent: vLLM’s default for the device'),
  asyncScheduling: z.boolean().default(true).describe('Form step k + 1 when step k starts'),
  policy: z.enum(['fcfs', 'priority']).default('fcfs').describe('Order of admission, and the victim of a preemption'),
  enableChunkedPrefill: z.boolean().default(true).describe('A prompt may be cut to what is left of the token budget'),
  longPrefillTokenThreshold: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe('Tokens of one request in a step at most; 0: no such limit'),
  schedulerReserveFullIsl: z.boolean().default(true).describe('Admit a prompt only when blocks for all of it are free'),
  watermark: z.number().min(0).max(0.5).default(0).describe('Share of blocks that an admission beside running requests leaves free'),
  blockSizeTokens: z.number().int().min(1).max(4096).default(16).describe('Tokens of a KV block'),
})

export type Options = z.output<typeof options>

/**
 * vLLM's limits, defaults included (arg_utils of 0.19, API server): 8192 tokens and 1024 requests on devices of 70 GiB and more that are
 * not an A100, else 2048 and 256. Without chunked prefill a step must hold the longest prompt.
 * @throws ServesimError SERVESIM_BAD_OPTION where it cannot, as vLLM refuses to start
 */
export function limitsOf(own: Options, { path, device, maxModelLenTokens }: SchedulerPoolContext): SchedulerLimits {
  const large = device.memoryBytes >= 70 * 2 ** 30 && !device.name.toLowerCase().includes('a100')
  const defaultTokens = large ? 8192 : 2048
  const tokens = own.maxNumBatchedTokens ?? (own.enableChunkedPrefill ? defaultTokens : Math.max(defaultTokens, maxModelLenTokens))
  if (!own.enableChunkedPrefill && tokens < maxModelLenTokens) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      `${path}.maxNumBatchedTokens`,
      `A step of ${tokens} tokens cannot hold the longest sequence, ${maxModelLenTokens} tokens, and prompts may not be cut.`,
      'Raise maxNumBatchedTokens, lower maxModelLenTokens of the pool, or leave enableChunkedPrefill on.',
    )
  }
  return {
    maxNumBatchedTokens: tokens,
    maxNumSeqs: Math.min(own.maxNumSeqs ?? (large ? 1024 : 256), tokens),
    depth: own.asyncScheduling ? 2 : 1,
    engineRelease: own.release,
    gpuMemoryUtilization: releases[own.release].gpuMemoryUtilization,
    // Block 0 is the null block.
    reservedBlocks: 1,
    blockSizeTokens: own.blockSizeTokens,
    loads: true,
  }
}
