/** What the attention kernels of vLLM fix in their code. Source: the public FlashAttention repository, forward kernels. */
export interface AttentionKernel {
  readonly name: string
  /** Query heads that share a KV head are packed into the rows of one tile, in mixed batches too. */
  readonly packsQueryHeads: boolean
  /** Prefill and decode rows of a step run in one kernel, or in one after the other. */
  readonly takesBoth: boolean
  /** Rows (queries) of a prefill tile. */
  rowTile(headDim: number): number
  /** Keys that a prefill tile takes at a time. */
  readonly keyTile: number
  /** Keys that a decode tile takes at a time: the least that a split of the context can hold. */
  decodeKeyTile(headDim: number): number
  /** Thread blocks that shared memory lets a multiprocessor hold at a time. */
  readonly blocksPerMultiprocessor: number
  /** Blocks per multiprocessor that splitting a context aims for. */
  readonly splitTarget: number
  /** Parts that a context is split into at most. */
  readonly maximalSplits: number
  /** Prefill finds what the projection has just written in L2: fits say so for L2s of 96 MB and more, and against it for 40–50 MB. */
  readonly readsFreshFromL2: boolean
}

/** 164 kB of shared memory hold two decode blocks. */
export const flashAttention2Ampere: AttentionKernel = {
  name: 'FlashAttention-2',
  packsQueryHeads: false,
  takesBoth: true,
  rowTile: () => 128,
  keyTile: 64,
  decodeKeyTile: (headDim) => (headDim <= 64 ? 256 : 128),
  blocksPerMultiprocessor: 2,
  splitTarget: 2,
  maximalSplits: 128,
  readsFreshFromL2: false,
}

/** Ada and Blackwell workstation chips. 100 kB of shared memory: smaller prefill tiles, one decode block at a time; a large L2. */
export const flashAttention2Ada: AttentionKernel = {
  ...flashAttention2Ampere,
  rowTile: () => 64,
  blocksPerMultiprocessor: 1,
  readsFreshFromL2: true,
}

export const flashAttention3: AttentionKernel = {
  name: 'FlashAttention-3',
  packsQueryHeads: true,
  takesBoth: true,
  rowTile: (headDim) => (headDim <= 64 ? 192 : 128),
  keyTile: 128,
  decodeKeyTile: () => 128,
  blocksPerMultiprocessor: 1,
  splitTarget: 1,
  // vLLM's bound for CUDA graphs (`VLLM_FLASH_ATTN_MAX_NUM_SPLITS_FOR_CUDA_GRAPH`).
  maximalSplits: 32,
  readsFreshFromL2: false,
}

/** FlashInfer's kernels of TensorRT-LLM, which vLLM takes on data-centre Blackwell: a launch for prompts and one for decodes. */
export const trtllmGen: AttentionKernel = {
  ...flashAttention3,
  name: 'TRT-LLM generated',
  takesBoth: false,
  rowTile: () => 128,
  maximalSplits: 64,
}

/** Ampere with 100 kB of shared memory, and what stands in for chips before it: Ada's tiles, a small L2. */
export const flashAttention2Small: AttentionKernel = { ...flashAttention2Ada, readsFreshFromL2: false }
