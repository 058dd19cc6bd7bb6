import type { PoolScenario } from './config.js'
import { ServesimError } from './errors.js'
import type { Model, OperatorGraph } from './operators.js'
import type { DeviceSpec } from './points/device.js'
import type { SchedulerLimits } from './points/scheduler.js'

/** Device memory that a technique uses on every rank, beside what the engine counts itself. */
export interface MemoryClaim {
  /** In a few words, for the plan and for errors: "draft weights". */
  purpose: string
  /** Once per rank, bytes. */
  bytes?: number
  /** For every token that the KV blocks hold, bytes. */
  bytesPerToken?: number
}

/** What a rank's memory is used for, bytes; `blocks` of KV are what is left. With pipeline stages of the stage that leaves the fewest. */
export interface MemoryPlan {
  /** That stage, from 0. */
  stage: number
  deviceBytes: number
  usableBytes: number
  weightBytes: number
  activationBytes: number
  contextBytes: number
  /** What techniques claimed, and its bytes that are due once per rank. */
  claims: readonly MemoryClaim[]
  claimedBytes: number
  /** KV of a block, and what techniques keep for its tokens. */
  bytesPerBlock: number
  /** Blocks that requests can use. */
  blocks: number
  /** Memory in which they lie, where that is not the device's. */
  kvWhere?: string
  maxModelLenTokens: number
}

interface MemoryInput {
  pool: PoolScenario
  path: string
  model: Model
  /** Of each pipeline stage. */
  stages: readonly OperatorGraph[]
  device: DeviceSpec
  limits: SchedulerLimits
  claims: readonly MemoryClaim[]
  /** Memory of a rank in which the KV cache lies, where that is not the device's. */
  kvMemory: { where: string; bytes: number } | undefined
  assume(sentence: string): void
}

/**
 * KV blocks as the engine would count them at start: a share of device memory, less weights, the peak of a profile run's temporaries,
 * the device context and what techniques claim. An explicit block count overrides.
 * @throws ServesimError SERVESIM_OUT_OF_MEMORY with the numbers
 */
export function countBlocks(input: MemoryInput): MemoryPlan {
  const { pool, path, model, device, limits, assume } = input
  // The engine takes the smallest count that any of its workers finds.
  const plan = input.stages
    .map((_, stage) => planOfStage(input, stage))
    .reduce((least, other) => (other.blocks < least.blocks ? other : least))
  const blocks = (pool.memory.numGpuBlocksOverride ?? plan.blocks) - limits.reservedBlocks
  if (blocks < 1) throw outOfMemory(input, plan)
  const wanted = pool.maxModelLenTokens ?? model.maxModelLenTokens
  const fits = blocks * limits.blockSizeTokens
  if (fits < wanted)
    assume(`Sequences are limited to ${fits} tokens, all that the KV cache of ${pool.name ?? path} holds; the model allows ${wanted}.`)
  return {
    ...plan,
    deviceBytes: device.memoryBytes,
    blocks,
    ...(input.kvMemory !== undefined && { kvWhere: input.kvMemory.where }),
    maxModelLenTokens: Math.min(wanted, fits),
  }
}

type StagePlan = Omit<MemoryPlan, 'deviceBytes' | 'maxModelLenTokens'>

/** `blocks` as memory allows, those that the engine keeps for itself included. */
function planOfStage({ pool, stages, device, limits, claims, kvMemory }: MemoryInput, stage: number): StagePlan {
  const graph = stages[stage]!
  const { contextBytes } = pool.memory
  const usableBytes = Math.ceil(device.memoryBytes * utilizationOf(pool, limits))
  const { weightBytes } = graph
  // vLLM's profile run: a full token budget over as many sequences as fit it, then the sampler.
  const sequences = Math.min(limits.maxNumSeqs, limits.maxNumBatchedTokens)
  const tokens = limits.maxNumBatchedTokens
  const inLayers = graph.activationBytesPerToken * tokens
  const atTheEnd = graph.outputBytesPerToken * tokens + graph.samplingBytesPerSequence * sequences
  const activationBytes = Math.max(inLayers, atTheEnd)
  const claimedBytes = claims.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  const claimedBytesPerToken = claims.reduce((sum, { bytesPerToken = 0 }) => sum + bytesPerToken, 0)
  const bytesPerBlock = (graph.kvBytesPerToken + claimedBytesPerToken) * limits.blockSizeTokens
  const temporaryBytes = limits.temporariesOutside === true ? 0 : activationBytes
  const left = usableBytes - weightBytes - temporaryBytes - contextBytes - claimedBytes
  // Weights and temporaries must fit the device wherever the KV cache lies.
  const blocks = Math.floor((kvMemory !== undefined && left >= 0 ? kvMemory.bytes : left) / bytesPerBlock)
  return { stage, usableBytes, weightBytes, activationBytes, contextBytes, claims, claimedBytes, bytesPerBlock, blocks }
}

function utilizationOf({ memory }: PoolScenario, limits: SchedulerLimits): number {
  return memory.gpuMemoryUtilization ?? limits.gpuMemoryUtilization
}

function outOfMemory({ pool, path, model, stages, device, limits, claims }: MemoryInput, plan: StagePlan): ServesimError {
  const where = stages.length > 1 ? `stage ${plan.stage} of ${device.name}` : device.name
  return new ServesimError(
    'SERVESIM_OUT_OF_MEMORY',
    `${path}.memory`,
    `${model.id} leaves no room for KV blocks on ${where}: ${gib(plan.usableBytes)} usable (${utilizationOf(pool, limits)} of ${gib(device.memoryBytes)}), ` +
      `weights ${gib(plan.weightBytes)}, temporaries ${gib(plan.activationBytes)}, context ${gib(plan.contextBytes)}${claims.map(named).join('')}.`,
    'Use more tensor-parallel ranks or pipeline stages, a larger device, or a higher memory.gpuMemoryUtilization.',
  )
}

function named({ purpose, bytes, bytesPerToken }: MemoryClaim): string {
  const parts = [...(bytes === undefined ? [] : [gib(bytes)]), ...(bytesPerToken === undefined ? [] : [`${bytesPerToken} bytes per token`])]
  return `, ${purpose} ${parts.join(' and ')}`
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`
}
