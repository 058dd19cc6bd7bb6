import type { PoolScenario } from './config.js'
import { ServesimError } from './errors.js'
import type { Model, OperatorGraph } from './operators.js'
import type { DeviceSpec } from './points/device.js'
import type { SchedulerLimits } from './points/scheduler.js'

/** What a rank's memory is used for, bytes; `blocks` of KV are what is left. */
export interface MemoryPlan {
  deviceBytes: number
  usableBytes: number
  weightBytes: number
  activationBytes: number
  contextBytes: number
  claimedBytes: number
  bytesPerBlock: number
  /** Blocks that requests can use. */
  blocks: number
  maxModelLenTokens: number
}

interface MemoryInput {
  pool: PoolScenario
  path: string
  model: Model
  graph: OperatorGraph
  device: DeviceSpec
  limits: SchedulerLimits
  claimedBytes: number
  assume(sentence: string): void
}

/**
 * KV blocks as the engine would count them at start: a share of device memory, less weights, the peak of a profile run's temporaries,
 * the device context and what techniques claim. An explicit block count overrides.
 * @throws ServesimError SERVESIM_OUT_OF_MEMORY with the numbers
 */
export function countBlocks({ pool, path, model, graph, device, limits, claimedBytes, assume }: MemoryInput): MemoryPlan {
  const { memory } = pool
  const utilization = memory.gpuMemoryUtilization ?? limits.gpuMemoryUtilization
  const usableBytes = Math.ceil(device.memoryBytes * utilization)
  const { weightBytes } = graph
  // vLLM's profile run: a full token budget over as many sequences as fit it, then the sampler.
  const sequences = Math.min(limits.maxNumSeqs, limits.maxNumBatchedTokens)
  const tokens = limits.maxNumBatchedTokens
  const inLayers = graph.activationBytesPerToken * tokens
  const atTheEnd = graph.outputBytesPerToken * tokens + graph.samplingBytesPerSequence * sequences
  const activationBytes = Math.max(inLayers, atTheEnd)
  const bytesPerBlock = graph.kvBytesPerToken * limits.blockSizeTokens
  const temporaryBytes = limits.temporariesOutside === true ? 0 : activationBytes
  const left = usableBytes - weightBytes - temporaryBytes - memory.contextBytes - claimedBytes
  const counted = memory.numGpuBlocksOverride ?? Math.floor(left / bytesPerBlock)
  const blocks = counted - limits.reservedBlocks
  if (blocks < 1) {
    throw new ServesimError(
      'SERVESIM_OUT_OF_MEMORY',
      `${path}.memory`,
      `${model.id} leaves no room for KV blocks on ${device.name}: ${gib(usableBytes)} usable (${utilization} of ${gib(device.memoryBytes)}), ` +
        `weights ${gib(weightBytes)}, temporaries ${gib(activationBytes)}, context ${gib(memory.contextBytes + claimedBytes)}.`,
      'Use more tensor-parallel ranks, a larger device, or a higher memory.gpuMemoryUtilization.',
    )
  }
  const wanted = pool.maxModelLenTokens ?? model.maxModelLenTokens
  const fits = blocks * limits.blockSizeTokens
  if (fits < wanted)
    assume(`Sequences are limited to ${fits} tokens, all that the KV cache of ${pool.name ?? path} holds; the model allows ${wanted}.`)
  return {
    deviceBytes: device.memoryBytes,
    usableBytes,
    weightBytes,
    activationBytes,
    contextBytes: memory.contextBytes,
    claimedBytes,
    bytesPerBlock,
    blocks,
    maxModelLenTokens: Math.min(wanted, fits),
  }
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`
}
