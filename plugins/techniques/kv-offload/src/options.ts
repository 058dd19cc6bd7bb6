import { type KvTierContext, ServesimError } from '@servesim/core'
import { z } from 'zod'

export const options = z.strictObject({
  sizeGiB: z.number().gt(0).max(1_000_000).optional().describe('Host memory for KV: of each replica, or of each host where it is shared'),
  hostMemoryGiB: z
    .number()
    .gt(0)
    .max(1_000_000)
    .optional()
    .describe('Memory of a host, of which `hostMemoryFraction` holds KV; in place of `sizeGiB`'),
  hostMemoryFraction: z.number().gt(0).max(1).default(0.5).describe('Share of `hostMemoryGiB`'),
  deviceRatio: z
    .number()
    .gt(0)
    .max(10_000)
    .default(2)
    .describe('Where no size is given: times the KV blocks of the device, as SGLang’s hicache-ratio'),
  scope: z.enum(['replica', 'host']).default('replica').describe('Whether each replica has its own, or replicas on the same host share'),
  store: z
    .enum(['write-through', 'on-eviction'])
    .default('write-through')
    .describe('When blocks are copied: as soon as they are computed, or when the device’s cache gives them up'),
  generated: z.boolean().default(true).describe('Write-through of generated blocks too, as vLLM does; else only of the prompts’'),
  stagingGiB: z
    .number()
    .gt(0)
    .max(1000)
    .default(0.5)
    .describe('On eviction: device memory of each rank that holds what was given up until it is copied; what does not fit is lost'),
  load: z.enum(['always', 'sooner']).default('always').describe('Load whatever is there, or only where that is sooner than computing it'),
  eviction: z
    .looseObject({ use: z.string().min(1) })
    .default({ use: 'lru' })
    .describe('Which blocks give way when the memory is full'),
})

export type Options = z.output<typeof options>

const gib = 2 ** 30

/** Bytes of a KV block, all ranks together. */
function blockBytes({ bytesPerTokenOfRank, blockSizeTokens }: KvTierContext): number {
  return bytesPerTokenOfRank.reduce((sum, bytes) => sum + bytes, 0) * blockSizeTokens
}

/** @throws ServesimError where not even a block fits */
export function capacityOf(
  { sizeGiB, hostMemoryGiB, hostMemoryFraction, deviceRatio }: Options,
  context: KvTierContext,
  path: string,
): number {
  const asked = sizeGiB ?? (hostMemoryGiB === undefined ? undefined : hostMemoryGiB * hostMemoryFraction)
  if (asked === undefined) return Math.ceil(deviceRatio * context.totalBlocks)
  const blocks = Math.floor((asked * gib) / blockBytes(context))
  if (blocks >= 1) return blocks
  throw new ServesimError(
    'SERVESIM_OUT_OF_MEMORY',
    path,
    `Not one KV block of ${blockBytes(context)} bytes fits into ${asked} GiB of host memory.`,
    sizeGiB === undefined ? 'Raise hostMemoryFraction.' : 'Raise sizeGiB.',
  )
}
