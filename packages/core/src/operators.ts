/**
 * What a model does in one step, as data. `@servesim/models` makes such graphs from a Hugging Face `config.json`, devices
 * price them, core adds up. Sizes are per rank, after sharding.
 */

/** What the terminal's "where the time goes" is grouped by. */
export const operatorClasses = [
  'attention',
  'linear',
  'moe',
  'norm-activation',
  'embedding',
  'logits-sampling',
  'collective',
  'host',
] as const
export type OperatorClass = (typeof operatorClasses)[number]

/** Which count of the step sets an operator's rows: all scheduled tokens, or one row per scheduled sequence. */
export type Rows = 'tokens' | 'sequences'

/** For collectives of replicas that step together also the tokens of the one that has most. */
export type CollectiveRows = Rows | 'peerTokens'

/**
 * Number formats that matrix products run in, after the kernel rather than the bytes alone: `fp8` scales whole tensors, `fp8-block` blocks of
 * 128 × 128 weights; `mxfp4` and `int4` weights meet 16-bit activations.
 */
export const precisions = ['bf16', 'fp8', 'fp8-block', 'nvfp4', 'mxfp4', 'int4'] as const
export type Precision = (typeof precisions)[number]

interface OperatorBase {
  /** vLLM's module name where there is one (`qkv_proj`, `o_proj`, `gate_up_proj` …); a bundle's tables are keyed by it. */
  name: string
  class: OperatorClass
  /** Calls in one step: the layers that hold it, or 1. */
  repeat: number
}

/** A matrix product: rows × k · k × n. */
export interface Gemm extends OperatorBase {
  kind: 'gemm'
  rows: Rows
  n: number
  k: number
  /** Bytes of one weight element. */
  weightBytesPerElement: number
  activationBytesPerElement: number
  /** Absent: 16 bits, where the bytes say so. */
  precision?: Precision
}

/** Memory traffic and little arithmetic: norms, rotary embedding, activation, embedding lookup, sampling. */
export interface Elementwise extends OperatorBase {
  kind: 'elementwise'
  rows: Rows
  /** Read and written per row. */
  bytesPerRow: number
}

/** Attention of one layer over the KV cache. */
export interface Attention extends OperatorBase {
  kind: 'attention'
  /** Query heads and KV heads of this rank. */
  heads: number
  kvHeads: number
  headDim: number
  kvBytesPerElement: number
}

/** The experts of one MoE layer on this rank, routing included. */
export interface Moe extends OperatorBase {
  kind: 'moe'
  /** Experts of the model and those held by this rank. */
  experts: number
  localExperts: number
  topK: number
  hiddenSize: number
  /** Width of one expert on this rank. */
  intermediateSize: number
  weightBytesPerElement: number
  activationBytesPerElement: number
  /** As of `Gemm`. */
  precision?: Precision
}

export type Operator = Gemm | Elementwise | Attention | Moe

export type CollectiveKind = 'all-reduce' | 'all-gather' | 'reduce-scatter' | 'all-to-all'

/** A collective of the tensor-parallel group, or of all ranks that share a model's experts. */
export interface CollectiveCall {
  name: string
  collective: CollectiveKind
  ranks: number
  rows: CollectiveRows
  /**
   * Bytes per row as the collective counts them: the whole buffer for all-reduce, one rank's input for all-gather,
   * one rank's output for reduce-scatter.
   */
  bytesPerRow: number
  repeat: number
}

/** Parallel degrees inside one replica. */
export interface Parallelism {
  tensor: number
  pipeline: number
  /** Layers of each stage, instead of equal shares. */
  pipelineLayers?: readonly number[] | undefined
  /** Ranks that the experts are divided over; more than `tensor` where several replicas share them and step together. */
  expert: number
}

/** One rank's share of a model: of the layers those of its pipeline stage, of each layer its tensor-parallel part. */
export interface OperatorGraph {
  operators: Operator[]
  collectives: CollectiveCall[]
  /** Layers of the rank's pipeline stage. */
  layers: number
  weightBytes: number
  kvBytesPerToken: number
  /** What a rank hands over to its next pipeline stage for each token; absent or 0 on the last. */
  handoverBytesPerToken?: number
  /**
   * Temporary tensors in the engine's profile run. Its peak is the larger of two moments: `activationBytesPerToken` for each batched
   * token inside a layer, or at its end what is kept of each token (`outputBytesPerToken`) beside what sampling takes for each sequence
   * (`samplingBytesPerSequence`).
   */
  activationBytesPerToken: number
  outputBytesPerToken: number
  samplingBytesPerSequence: number
}

/** A model as published: what does not depend on how it is split. */
export interface Model {
  id: string
  layers: number
  hiddenSize: number
  heads: number
  kvHeads: number
  headDim: number
  vocabularySize: number
  /** Parameters, tied embeddings counted once. */
  parameters: number
  maxModelLenTokens: number
  /** Number of experts and experts per token; 0 for a dense model. */
  experts: number
  expertsPerToken: number
  /** Bytes of one weight as served. */
  weightBytesPerElement: number
  /** @throws ServesimError SERVESIM_CAPABILITY_MISMATCH where a degree does not divide what it splits. */
  shard(parallelism: Parallelism, options: ShardOptions): OperatorGraph
}

export interface ShardOptions {
  /** Pipeline stage, 0 ≤ stage < `pipeline`; absent: the first. */
  stage?: number
  /** Bytes of a KV element; absent: as the weights. */
  kvBytesPerElement?: number
}
