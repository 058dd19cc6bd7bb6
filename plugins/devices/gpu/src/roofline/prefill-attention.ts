import type { Attention } from '@servesim/core'
import { type Cost, type Gpu, overlapped, residentShare } from '../gpu.js'

/** Seven numbers per chip, fitted to measured prefill attention (`fit/`). */
export interface PrefillAttentionCoefficients {
  /** The call with one tile of work, writing the new KV included, µs. */
  launchUs: number
  /** Each sequence of the batch, µs. */
  sequenceUs: number
  /** Prologue and epilogue of one tile of queries, µs. */
  blockUs: number
  /** Matrix rate reached, share of the published peak. */
  computeShare: number
  /** The exponential and the rescaling of one score, µs of one multiprocessor, × 10⁻⁶. */
  softmaxPs: number
  /** Share of the longest tile's time during which the other multiprocessors have run out of work. */
  tailShare: number
  /** Memory bandwidth reached by queries, keys, values and output, share of the published figure. */
  bandwidthShare: number
}

/** Prefill's own, and from decode the bandwidth that streaming KV reaches. */
export interface AttentionCoefficients {
  prefill: PrefillAttentionCoefficients
  decode: { bandwidthShare: number }
}

type Shape = Pick<Attention, 'heads' | 'kvHeads' | 'headDim' | 'kvBytesPerElement'>

const activationBytes = 2
const overlap = 4
/**
 * Query heads that share a KV head but are not packed read it one after another: from L2 while one head's keys and values of the
 * whole batch fit (1 up to 0.8 × L2, 0 from 2 ×). Source: mixed rows of LLMServingSim's attention table of an RTX PRO 6000.
 */
const sharedUpTo = 0.8
const sharedUntil = 2
/** Queries, keys and values that the projection before has just written are in a large L2 up to half of it, and no more from twice its size. */
const freshUpTo = 0.5
const freshUntil = 2

/**
 * Attention of one layer for a step with prefill. vLLM runs prefill and decode rows in one kernel: their tiles share the
 * multiprocessors, and a decode row costs a whole tile of queries.
 * @param newTokens Σq over the chunks, ≥ 1
 * @param context equivalent context of the one chunk that does the same work; below 0 for several prompts, which are taken as equal
 * @param decodes sequences that decode beside it, ≥ 0
 * @param out written and returned, so that a step allocates nothing
 */
export function prefillAttention(
  gpu: Gpu,
  { prefill: c, decode }: AttentionCoefficients,
  shape: Shape,
  newTokens: number,
  context: number,
  decodes: number,
  decodeContext: number,
  out: Cost,
): Cost {
  const { heads, kvHeads, headDim } = shape
  const kernel = gpu.attention
  const rowTile = kernel.rowTile(headDim)
  const keyTile = kernel.keyTile
  const matmulUs = (4 * headDim * gpu.multiprocessors) / (gpu.flopPerUs * c.computeShare)
  const usPerKey = rowTile * overlapped(matmulUs, c.softmaxPs / 1e6, overlap)
  const tileKeys = (keys: number) => Math.ceil(keys / keyTile) * keyTile

  // Equal prompts: their number follows from tokens and mean reach of a token.
  const reach = Math.max(context + newTokens / 2, 0.5)
  const prompts = context < 0 ? Math.max(1, newTokens / (2 * reach)) : 1
  const chunk = newTokens / prompts
  const longest = context < 0 ? 2 * reach : context + newTokens
  const rowBlocks = Math.ceil(chunk / rowTile - 1e-9)
  // Causal: a tile of queries walks the keys up to its diagonal.
  const ownKeys = rowBlocks > 1 ? ((rowBlocks + 1) / 2) * rowTile : tileKeys(chunk)
  const keys = Math.min(Math.max(reach - chunk / 2, 0) + ownKeys, tileKeys(longest))
  const prefillBlocks = prompts * heads * rowBlocks
  const prefillWork = prefillBlocks * (c.blockUs + keys * usPerKey)

  const group = heads / kvHeads
  const decodeBlocks = decodes * (kernel.packsQueryHeads ? kvHeads * Math.ceil(group / rowTile) : heads)
  const decodeBlockUs = decodes === 0 ? 0 : c.blockUs + tileKeys(decodeContext) * usPerKey
  const work = (prefillWork + decodeBlocks * decodeBlockUs) / gpu.multiprocessors
  const slowest = Math.max(c.blockUs + tileKeys(longest) * usPerKey, kernel.packsQueryHeads ? 0 : decodeBlockUs)
  const busy = Math.min(1, (prefillBlocks + decodeBlocks) / gpu.multiprocessors)
  const compute = Math.max(slowest, work + c.tailShare * busy * slowest)

  const kvBytes = 2 * headDim * shape.kvBytesPerElement
  const prefillBytes = 2 * newTokens * heads * headDim * activationBytes + longest * prompts * kvHeads * kvBytes
  const fresh = kernel.readsFreshFromL2 ? residentShare(prefillBytes, freshUpTo * gpu.l2Bytes, freshUntil * gpu.l2Bytes) : 0
  const prefillTraffic = (prefillBytes * (1 - fresh)) / (gpu.memoryBytesPerUs * c.bandwidthShare)
  const perHead = decodes * decodeContext * kvBytes
  const reread = kernel.packsQueryHeads
    ? 1
    : 1 + (group - 1) * (1 - residentShare(perHead, sharedUpTo * gpu.l2Bytes, sharedUntil * gpu.l2Bytes))
  const decodeTraffic = (perHead * kvHeads * reread) / (gpu.memoryBytesPerUs * decode.bandwidthShare)

  // Loading queries and storing outputs does not overlap a tile's own arithmetic; streaming another sequence's KV does.
  const us = c.launchUs + c.sequenceUs * (prompts + decodes) + prefillTraffic + overlapped(compute, decodeTraffic, overlap)
  out.us = us
  out.computeFraction = Math.min(1, compute / us)
  return out
}
