import type { Accelerator } from './accelerator.js'

/** Time of one operator. */
export interface Cost {
  us: number
  /** Share 0–1 of the time that arithmetic binds. */
  computeFraction: number
}

/** The roofline of one operator: arithmetic and memory traffic overlap, the longer one counts. */
function longer(launchUs: number, computeUs: number, memoryUs: number): Cost {
  const us = launchUs + Math.max(computeUs, memoryUs)
  return { us, computeFraction: computeUs > memoryUs ? computeUs / us : 0 }
}

const padded = (value: number, tile: number): number => Math.ceil(value / tile) * tile

/** FLOP per µs. */
const peak = (flopPerSecond: number): number => flopPerSecond / 1e6

/** rows × k · k × n on a unit that takes whole tiles: a single row costs as much arithmetic as a tile of them. */
export function gemm(
  { spec, tile, efficiency }: Accelerator,
  flopPerSecond: number,
  rows: number,
  n: number,
  k: number,
  weightBytes: number,
  activationBytes: number,
): Cost {
  const flop = 2 * padded(rows, tile.rows) * padded(n, tile.n) * padded(k, tile.k)
  const bytes = n * k * weightBytes + rows * (n + k) * activationBytes
  return longer(
    efficiency.launchUs,
    flop / (peak(flopPerSecond) * efficiency.compute),
    bytes / ((spec.memoryBytesPerSecond / 1e6) * efficiency.bandwidth),
  )
}

export interface ExpertShape {
  hiddenSize: number
  intermediateSize: number
  weightBytes: number
  activationBytes: number
}

/**
 * Gate, up and down products of the experts that were chosen, each over its own rows.
 * @param active experts that have rows
 * @param pairs (token, expert) pairs on this rank
 */
export function experts(accelerator: Accelerator, flopPerSecond: number, shape: ExpertShape, active: number, pairs: number): Cost {
  const { spec, tile, efficiency } = accelerator
  const { hiddenSize, intermediateSize, weightBytes, activationBytes } = shape
  // An expert's last tile is half full on average.
  const rows = active * Math.max(1, pairs / active / tile.rows + 0.5) * tile.rows
  const up = 2 * rows * padded(2 * intermediateSize, tile.n) * padded(hiddenSize, tile.k)
  const down = 2 * rows * padded(hiddenSize, tile.n) * padded(intermediateSize, tile.k)
  const bytes = active * 3 * hiddenSize * intermediateSize * weightBytes + pairs * (2 * hiddenSize + 3 * intermediateSize) * activationBytes
  return longer(
    2 * efficiency.launchUs,
    (up + down) / (peak(flopPerSecond) * efficiency.compute),
    bytes / ((spec.memoryBytesPerSecond / 1e6) * efficiency.bandwidth),
  )
}

/** Reads and writes, and little arithmetic. */
export function traffic({ spec, efficiency }: Accelerator, bytes: number, sampling: boolean): Cost {
  const launchUs = sampling ? efficiency.samplingUs : efficiency.launchUs
  return longer(launchUs, 0, bytes / ((spec.memoryBytesPerSecond / 1e6) * efficiency.bandwidth))
}

export interface AttentionShape {
  heads: number
  kvHeads: number
  headDim: number
  kvBytesPerElement: number
}

/** Each sequence's KV is streamed once. @returns µs */
export function decodeAttention({ spec, efficiency }: Accelerator, shape: AttentionShape, decodes: number, context: number): number {
  const bytes = decodes * context * 2 * shape.kvHeads * shape.headDim * shape.kvBytesPerElement
  return (
    efficiency.attentionLaunchUs +
    decodes * efficiency.decodeSequenceUs +
    bytes / ((spec.memoryBytesPerSecond / 1e6) * efficiency.decodeBandwidth)
  )
}

/**
 * A causal chunk of `newTokens` behind `context` tokens: its products, and the keys and values that it reads. They follow one another
 * within a block of queries, so that their times add up (fitted on a TPU v6e, where neither hides the other).
 */
export function prefillAttention({ spec, efficiency }: Accelerator, shape: AttentionShape, newTokens: number, context: number): Cost {
  const keys = Math.max(context + newTokens, 1)
  const computeUs =
    (4 * shape.heads * shape.headDim * newTokens * Math.max(context + newTokens / 2, 0.5)) /
    (peak(spec.bf16FlopPerSecond) * efficiency.attentionCompute)
  const memoryUs =
    (keys * 2 * shape.kvHeads * shape.headDim * shape.kvBytesPerElement) / ((spec.memoryBytesPerSecond / 1e6) * efficiency.prefillBandwidth)
  const us = efficiency.attentionLaunchUs + computeUs + memoryUs
  return { us, computeFraction: computeUs / us }
}
