import type { CollectiveKind } from '@servesim/core'
import type { BundleManifest } from './manifest.js'

/** One operator's latency over its rows (tokens or sequences). */
export interface OperatorSamples {
  operator: string
  /** Ascending, distinct. */
  rows: Float64Array
  latencyUs: Float64Array
}

/** Attention of one layer, one entry per measured shape; equal lengths, no two entries with the same shape. */
export interface AttentionSamples {
  /** Tokens of the one prefill chunk; 0: decodes only. */
  newTokens: Float64Array
  /** Tokens already in the chunk's KV cache. */
  context: Float64Array
  /** Sequences that decode one token each. */
  decodes: Float64Array
  /** Context of each of those; 0 without decodes. */
  decodeContext: Float64Array
  latencyUs: Float64Array
  /**
   * Equal prompts that the new tokens are divided over; 0 without new tokens. Present only in tables that have prefill and decodes apart, and
   * prompts only from their beginning: see `SeparateAttention`.
   */
  prompts?: Float64Array
}

/** The experts of one MoE layer, routing included, at full width and all on one rank; equal lengths. */
export interface MoeSamples {
  tokens: Float64Array
  activatedExperts: Float64Array
  latencyUs: Float64Array
}

/** One collective over its message size. */
export interface CollectiveSamples {
  collective: CollectiveKind
  ranks: number
  /** Ascending, distinct; the whole buffer for all-reduce, one rank's input for all-gather, one rank's output for reduce-scatter. */
  bytes: Float64Array
  latencyUs: Float64Array
}

/** What one rank of a tensor-parallel group measures. Experts that were measured as the rank holds them are an operator `moe` of `tokens`. */
export interface ShardTables {
  tensorParallel: number
  /** Operators whose rows are all scheduled tokens. */
  tokens: OperatorSamples[]
  /** Operators whose rows are the scheduled sequences. */
  sequences: OperatorSamples[]
  attention: AttentionSamples
}

/** Operator latencies of one model on one device, measured under one engine release. Treat as immutable. */
export interface Bundle {
  manifest: BundleManifest
  /** Ascending by degree; the degrees of `manifest.tensorParallel`. */
  shards: ShardTables[]
  /** MoE models only. */
  moe?: MoeSamples
  collectives: CollectiveSamples[]
}
