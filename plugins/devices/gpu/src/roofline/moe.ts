import type { ExpertLoad, Moe } from '@servesim/core'
import { type Cost, elementBytes, type Format, type Gpu, overlapped, peakOf, residentShare, type Source, shareOf } from '../gpu.js'

/** Seven numbers per chip, fitted to measured layers of experts (`fit/`). */
export interface MoeCoefficients {
  /** Routing, sorting, two grouped products, activation and sum with one token, µs. */
  launchUs: number
  /** The sort by expert, for each doubling of routed rows, µs. */
  sortUs: number
  /** Memory bandwidth reached by streaming experts, share of the published figure. */
  bandwidthShare: number
  /** Matrix rate reached inside a tile, share of the published peak. */
  computeShare: number
  /** Rate at which one multiprocessor is fed with operands, bytes per µs. */
  operandBytesPerUs: number
  /** Prologue and epilogue of one tile, µs. */
  tileUs: number
  /** Passes over the routed rows' activations that memory sees, of those that the kernels make. */
  activationShare: number
}

type Shape = Pick<Moe, 'experts' | 'localExperts' | 'topK' | 'hiddenSize' | 'intermediateSize'>

/** `random`: each token picks its experts independently. `even`: rows are dealt out evenly, as benchmarks do. Or as a technique says. */
export type Routing = 'random' | 'even' | ExpertLoad

const rowTiles = [16, 32, 64, 128]
const columnTiles = [64, 128, 256]
const activationBytes = 2
const overlap = 2

/** The experts of one layer on this rank: two grouped matrix products over the experts that any token chose. */
export function moe(
  gpu: Gpu,
  c: MoeCoefficients,
  shape: Shape,
  tokens: number,
  routing: Routing = 'random',
  source: Source = 'memory',
  format: Format = 'bf16',
): Cost {
  const bytesPerElement = elementBytes[format]
  const { hiddenSize, intermediateSize } = shape
  const routed = ((tokens * shape.topK * shape.localExperts) / shape.experts) * busiestShare(shape, tokens, routing)
  const active = activeExperts(shape, tokens, routing)
  const weights = active * 3 * hiddenSize * intermediateSize * bytesPerElement
  // Gathered input, gate and up, activated, and each pair's output, then tokens in and out. The buffers, and the kernels that fill and
  // sum them, have a row for every pair of a token and an expert, on whichever rank the expert is.
  const pairs = tokens * shape.topK
  const activations = activationBytes * (pairs * (2 * hiddenSize + 3 * intermediateSize) + 2 * tokens * hiddenSize)
  const bandwidth = gpu.memoryBytesPerUs * c.bandwidthShare
  const rows = routed / active

  const replayed = source === 'replayed' ? residentShare(weights, 0.75 * gpu.l2Bytes, 1.25 * gpu.l2Bytes) : 0
  const stream = (weights * (1 - replayed)) / bandwidth

  let compute = Number.POSITIVE_INFINITY
  for (const rowTile of rowTiles) {
    // Random routing fills an expert's last tile by half on average.
    const rowBlocks = active * (routing === 'even' ? Math.ceil(rows / rowTile) : Math.max(1, rows / rowTile + 0.5))
    for (const columnTile of columnTiles) {
      const up = grouped(gpu, c, rowBlocks, rowTile, columnTile, 2 * intermediateSize, hiddenSize, format)
      const down = grouped(gpu, c, rowBlocks, rowTile, columnTile, hiddenSize, intermediateSize, format)
      compute = Math.min(compute, up + down)
    }
  }
  const products = overlapped(compute, stream, overlap)
  const us = c.launchUs + c.sortUs * Math.log2(1 + routed) + (c.activationShare * activations) / bandwidth + products
  return { us, computeFraction: (products * shareOf(compute, stream, overlap)) / us }
}

/** Experts of this rank that at least one token visits: E·(1 − (1 − k/E)^T) under random routing. */
function activeExperts({ experts, localExperts, topK }: Shape, tokens: number, routing: Routing): number {
  const share = localExperts / experts
  if (routing === 'even') return Math.min(localExperts, Math.max(1, tokens * topK * share))
  const visited = routing === 'random' ? experts * (1 - (1 - topK / experts) ** tokens) : routing.activatedExperts(experts, topK, tokens)
  return Math.min(localExperts, Math.max(1, share * visited))
}

/** Rows of the rank that has most, of an even share. */
function busiestShare({ experts, localExperts, topK }: Shape, tokens: number, routing: Routing): number {
  return typeof routing === 'string' ? 1 : routing.busiestShare(experts, topK, tokens, experts / localExperts)
}

function grouped(
  gpu: Gpu,
  c: MoeCoefficients,
  rowBlocks: number,
  rowTile: number,
  columnTile: number,
  n: number,
  k: number,
  format: Format,
): number {
  const bytesPerElement = elementBytes[format]
  const peak = (peakOf(gpu, format) * c.computeShare) / gpu.multiprocessors
  const usPerK = Math.max((2 * rowTile * columnTile) / peak, ((rowTile + columnTile) * bytesPerElement) / c.operandBytesPerUs)
  const waves = Math.max(1, (rowBlocks * Math.ceil(n / columnTile)) / gpu.multiprocessors)
  return waves * (c.tileUs + k * usPerK)
}
