import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ServesimError } from '@servesim/core'
import { findNumbers, findValue, type Json, readJsonFile } from './run-files.js'

/** What a recording says about the engine; undefined where it does not, so that the engine's default holds. */
export interface RecordedSettings {
  model: string
  device: string | undefined
  vllmRelease: string
  tensorParallel: number
  /** Replicas of the run; with `expertParallel` they share the experts and step together. */
  dataParallel: number
  expertParallel: boolean
  dtype: string | undefined
  kvCacheDtype: string | undefined
  maxNumSeqs: number | undefined
  maxNumBatchedTokens: number | undefined
  maxModelLen: number | undefined
  gpuMemoryUtilization: number | undefined
  numGpuBlocks: number | undefined
  blockSizeTokens: number | undefined
  asyncScheduling: boolean | undefined
  enablePrefixCaching: boolean | undefined
  enableChunkedPrefill: boolean | undefined
  longPrefillTokenThreshold: number | undefined
  /** `NONE`, `PIECEWISE`, `FULL_AND_PIECEWISE` … */
  cudaGraphMode: string | undefined
  enforceEager: boolean | undefined
  maxCaptureSize: number | undefined
  captureSizes: number[] | undefined
  /** One direction, bytes per second. */
  linkBytesPerSecond: number | undefined
  datasetPath: string | undefined
  /** Host work of every step, and for each of its sequences, where the recorder measured it apart from the run. */
  hostStepMs: number | undefined
  hostPerSequenceUs: number | undefined
}

/** Of a recording that says nothing about the engine. */
export const unknownSettings: Omit<RecordedSettings, 'model' | 'vllmRelease'> = {
  tensorParallel: 1,
  dataParallel: 1,
  expertParallel: false,
  device: undefined,
  dtype: undefined,
  kvCacheDtype: undefined,
  maxNumSeqs: undefined,
  maxNumBatchedTokens: undefined,
  maxModelLen: undefined,
  gpuMemoryUtilization: undefined,
  numGpuBlocks: undefined,
  blockSizeTokens: undefined,
  asyncScheduling: undefined,
  enablePrefixCaching: undefined,
  enableChunkedPrefill: undefined,
  longPrefillTokenThreshold: undefined,
  cudaGraphMode: undefined,
  enforceEager: undefined,
  maxCaptureSize: undefined,
  captureSizes: undefined,
  linkBytesPerSecond: undefined,
  datasetPath: undefined,
  hostStepMs: undefined,
  hostPerSequenceUs: undefined,
}

/** LLMServingSim's "GB/s" of a link are 2³⁰ bytes per second (reference of its network back end). */
const linkUnit = 2 ** 30

/** @throws ServesimError SERVESIM_BAD_FILE, and SERVESIM_CAPABILITY_MISMATCH for what cannot be simulated yet */
export function readRecordedSettings(runFolder: string, recording: string): RecordedSettings {
  const metaFile = join(recording, 'meta.json')
  const meta = readJsonFile(metaFile)
  const clusterFile = join(runFolder, 'config.json')
  const cluster = existsSync(clusterFile) ? readJsonFile(clusterFile) : {}
  refuseUnsupported(meta, metaFile)
  const model = findValue(meta, 'string', 'model') ?? findValue(cluster, 'string', 'model_name')
  const vllmRelease = findValue(meta, 'string', 'vllm_version')
  if (model === undefined || vllmRelease === undefined) {
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      metaFile,
      `${model === undefined ? 'model' : 'vllm_version'} is missing.`,
      'Was the file written by the recorder of the run?',
    )
  }
  const linkBw = findValue(cluster, 'number', 'link_bw') ?? findNumbers(cluster, 'link_bw')?.[0]
  return {
    model,
    device: findValue(cluster, 'string', 'hardware') ?? findValue(meta, 'string', 'device'),
    vllmRelease,
    tensorParallel: findValue(meta, 'number', 'tensor_parallel_size') ?? findValue(cluster, 'number', 'tp_size') ?? 1,
    dataParallel: findValue(meta, 'number', 'data_parallel_size') ?? 1,
    expertParallel: findValue(meta, 'boolean', 'enable_expert_parallel') === true,
    dtype: findValue(meta, 'string', 'dtype'),
    kvCacheDtype: findValue(meta, 'string', 'kv_cache_dtype', 'cache_dtype'),
    maxNumSeqs: findValue(meta, 'number', 'max_num_seqs'),
    maxNumBatchedTokens: findValue(meta, 'number', 'max_num_batched_tokens', 'max_num_scheduled_tokens'),
    maxModelLen: findValue(meta, 'number', 'max_model_len'),
    // Not the cluster file's mem_util: LLMServingSim sets it so that its own memory model finds the engine's block count.
    gpuMemoryUtilization: findValue(meta, 'number', 'gpu_memory_utilization'),
    numGpuBlocks: findValue(meta, 'number', 'num_gpu_blocks', 'num_gpu_blocks_override', 'num_blocks'),
    blockSizeTokens: findValue(meta, 'number', 'block_size'),
    asyncScheduling: findValue(meta, 'boolean', 'async_scheduling'),
    enablePrefixCaching: findValue(meta, 'boolean', 'enable_prefix_caching'),
    enableChunkedPrefill: findValue(meta, 'boolean', 'enable_chunked_prefill', 'chunked_prefill_enabled'),
    longPrefillTokenThreshold: findValue(meta, 'number', 'long_prefill_token_threshold'),
    // As a name, or as Python prints its enumeration: `CUDAGraphMode.NONE`.
    cudaGraphMode: findValue(meta, 'string', 'cudagraph_mode')?.split('.').at(-1),
    enforceEager: findValue(meta, 'boolean', 'enforce_eager'),
    maxCaptureSize: findValue(meta, 'number', 'max_cudagraph_capture_size'),
    captureSizes: findNumbers(meta, 'cudagraph_capture_sizes'),
    linkBytesPerSecond: linkBw === undefined ? undefined : linkBw * linkUnit,
    datasetPath: findValue(meta, 'string', 'dataset_path'),
    hostStepMs: findValue(meta, 'number', 'host_step_ms'),
    hostPerSequenceUs: findValue(meta, 'number', 'host_per_sequence_us'),
  }
}

function refuseUnsupported(meta: Json, path: string): void {
  const parallel: [string, string][] = [
    ['pipeline_parallel_size', 'pipeline stages'],
    ['num_speculative_tokens', 'draft tokens of speculative decoding'],
  ]
  for (const [key, what] of parallel) {
    const value = findValue(meta, 'number', key) ?? 0
    if (value <= (key === 'num_speculative_tokens' ? 0 : 1)) continue
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      `${path}: ${key}`,
      `The run was recorded with ${value} ${what}, which validation does not replay.`,
      'Validate against a run without.',
    )
  }
}
