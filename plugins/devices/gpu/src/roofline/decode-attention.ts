import type { Attention } from '@servesim/core'
import { type Cost, type Gpu, overlapped, residentShare, type Source, shareOf } from '../gpu.js'

/** Seven numbers per chip, fitted to measured decode attention (`fit/`). */
export interface DecodeAttentionCoefficients {
  /** The call with one tile of work, writing the new KV included, µs. */
  launchUs: number
  /** Packing the query heads of several KV heads and sequences into rows, µs. */
  packUs: number
  /** Combining the parts of split contexts: once, and per part, µs. */
  combineUs: number
  combinePerSplitUs: number
  /** One thread block, however short its context, µs. */
  blockUs: number
  /** One token of context in one thread block of head size 128 when memory is no bound, ns. */
  tokenNs: number
  /** Memory bandwidth reached, share of the published figure. */
  bandwidthShare: number
}

type Shape = Pick<Attention, 'heads' | 'kvHeads' | 'headDim' | 'kvBytesPerElement'>

/** Rows of a decode tile; more query heads on one KV head need another. */
const decodeRows = 64
/** Below this share of the wanted blocks a context is split. Source: FlashAttention's `num_splits_heuristic`. */
const splitBelow = 0.8
const referenceHeadDim = 128
const overlap = 4

/**
 * One layer's attention of `decodes` sequences with `context` tokens each, the new one included.
 * @param launched sequences that the kernel is launched for, ≥ `decodes`: whether contexts are split is decided on them
 */
export function decodeAttention(
  gpu: Gpu,
  c: DecodeAttentionCoefficients,
  shape: Shape,
  decodes: number,
  context: number,
  launched = decodes,
  source: Source = 'memory',
): Cost {
  const { heads, kvHeads, headDim } = shape
  const kernel = gpu.attention
  const group = heads / kvHeads
  const packed = kernel.packsQueryHeads || group > 1
  const sequenceBlocks = packed ? kvHeads * Math.ceil(group / decodeRows) : heads
  const keyTile = kernel.decodeKeyTile(headDim)
  const unsplit = decodes * sequenceBlocks
  const splits = packed ? splitsOf(gpu, launched * sequenceBlocks, context / keyTile) : 1

  const tokens = Math.max(keyTile, context / splits)
  const blockUs = c.blockUs + (c.tokenNs / 1e3) * tokens * (headDim / referenceHeadDim)
  const blocks = unsplit * splits
  const bytes = 2 * decodes * kvHeads * headDim * shape.kvBytesPerElement * context
  const inMemory = source === 'replayed' ? 1 - residentShare(bytes, 0.75 * gpu.l2Bytes, 1.25 * gpu.l2Bytes) : 1
  const trafficUs = (bytes * inMemory) / (gpu.memoryBytesPerUs * c.bandwidthShare)

  const computeUs = Math.max(1, blocks / gpu.multiprocessors) * blockUs
  const waves = splits > 1 ? overlapped(computeUs, trafficUs, overlap) : wavesUs(gpu, blocks, blockUs, trafficUs)
  const fixed =
    c.launchUs +
    (group > 1 && kvHeads > 1 && decodes > 1 ? c.packUs : 0) +
    c.combineUs * Math.min(1, splits - 1) +
    c.combinePerSplitUs * (splits - 1)
  const us = fixed + waves
  return { us, computeFraction: shareOf(computeUs, trafficUs, overlap) * (1 - fixed / us) }
}

/** Whole contexts, as long as each other, come in waves: blocks on one multiprocessor share its rate, those of a wave the memory. */
function wavesUs(gpu: Gpu, blocks: number, blockUs: number, trafficUs: number): number {
  const perMultiprocessor = gpu.attention.blocksPerMultiprocessor
  const slots = gpu.multiprocessors * perMultiprocessor
  const full = Math.floor(blocks / slots)
  const last = blocks - full * slots
  const fullUs = overlapped(perMultiprocessor * blockUs, (slots / blocks) * trafficUs, overlap)
  const lastUs = last === 0 ? 0 : overlapped(Math.max(1, last / gpu.multiprocessors) * blockUs, (last / blocks) * trafficUs, overlap)
  return full * fullUs + lastUs
}

/** Not whole: within one batch size the number of parts grows smoothly with the context, as its mean over unequal contexts does. */
function splitsOf({ multiprocessors, attention }: Gpu, blocks: number, keyTiles: number): number {
  const wanted = attention.splitTarget * multiprocessors
  if (blocks >= splitBelow * wanted) return 1
  return Math.max(1, Math.min(Math.floor(wanted / blocks), keyTiles, attention.maximalSplits))
}
