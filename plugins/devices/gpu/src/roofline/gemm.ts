import { type Cost, elementBytes, type Format, type Gpu, overlapped, peakOf, residentShare, type Source, shareOf } from '../gpu.js'

/** Nine numbers per chip, fitted to measured matrix products (`fit/`). */
export interface GemmCoefficients {
  /** From the end of the kernel before to the first tile, inside a CUDA graph, µs. */
  launchUs: number
  /** Memory bandwidth reached by streaming weights, share of the published figure. */
  bandwidthShare: number
  /** Until the memory pipeline is full, µs. */
  fillUs: number
  /** Rate of L2 for operands that are resident, bytes per µs. */
  l2BytesPerUs: number
  /** Matrix rate reached inside a tile, share of the published peak. */
  computeShare: number
  /** Rate at which one multiprocessor is fed with operands, bytes per µs; what makes small tiles slow. */
  operandBytesPerUs: number
  /** Prologue and epilogue of one tile, µs. */
  tileUs: number
  /** The kernel that adds up the parts of a product split along k, µs. */
  splitUs: number
  /** 0: whole waves of tiles, each waiting for the last; 1: no wave quantisation at all. */
  waveOverlap: number
  /**
   * In 8 bits: how often the weights are moved once more where m is above 256 and no multiple of 16. Inferred from the tables: what such an m costs
   * beyond its neighbour grows as n · k and not with m, as a copy into another layout would.
   */
  unalignedPasses?: number
}

const tiles: readonly (readonly [rows: number, columns: number])[] = [16, 32, 64, 128, 256].flatMap((rows) =>
  [64, 128, 256].filter((columns) => rows * columns <= 32_768).map((columns) => [rows, columns] as const),
)
const splits = [2, 3, 4, 6, 8, 12, 16, 32]
/** k is consumed in slices of this many elements, and no split gets fewer than two. */
const kSlice = 64
const outputBytes = 2
/** fp32 partial sums, written and read back once. */
const partialBytes = 4
/** How sharply memory traffic and arithmetic overlap. */
const overlap = 3
/** Benchmarks replay a product over several copies of its weights. Inferred from the tables: they come from L2 up to a sixth of its size. */
const replayedCopies = 6

/**
 * A matrix product of 16 or 8 bits, of which the second brings its inputs to 8 bits in front, m × k · k × n: tiles over the multiprocessors in waves, beside the traffic of weights and activations.
 * The library's choice of tile and split is the fastest of those that the model knows.
 */
export function gemm(
  gpu: Gpu,
  c: GemmCoefficients,
  m: number,
  n: number,
  k: number,
  source: Source = 'memory',
  format: Format = 'bf16',
): Cost {
  const compute = fastestTiling(gpu, c, m, n, k, format)
  const traffic = trafficUs(gpu, c, m, n, k, source, elementBytes[format])
  const copied = m > 256 && m % 16 !== 0 ? (c.unalignedPasses ?? 0) * n * k * elementBytes[format] : 0
  const fixed = c.launchUs + copied / (gpu.memoryBytesPerUs * c.bandwidthShare) + (format === 'bf16' ? 0 : scalingUs(gpu, c, m * k))
  const us = fixed + overlapped(compute, traffic, overlap)
  return { us, computeFraction: shareOf(compute, traffic, overlap) * (1 - fixed / us) }
}

function fastestTiling(gpu: Gpu, c: GemmCoefficients, m: number, n: number, k: number, format: Format): number {
  const bytesPerElement = elementBytes[format]
  const peak = (peakOf(gpu, format) * c.computeShare) / gpu.multiprocessors
  let best = Number.POSITIVE_INFINITY
  for (const [rows, columns] of tiles) {
    const count = Math.ceil(m / rows) * Math.ceil(n / columns)
    const usPerK = Math.max((2 * rows * columns) / peak, ((rows + columns) * bytesPerElement) / c.operandBytesPerUs)
    best = Math.min(best, waves(count / gpu.multiprocessors, c.waveOverlap) * (c.tileUs + slices(k) * usPerK))
    // Splitting k pays only where tiles leave multiprocessors idle.
    if (count >= gpu.multiprocessors) continue
    for (const parts of splits) {
      if (k < 2 * kSlice * parts) break
      const combine = c.splitUs + (m * n * partialBytes * parts) / c.l2BytesPerUs
      const work = waves((count * parts) / gpu.multiprocessors, c.waveOverlap) * (c.tileUs + slices(k / parts) * usPerK)
      best = Math.min(best, work + combine)
    }
  }
  return best
}

/** Inputs are brought to 8 bits by a kernel in front: read in 16 bits, from L2 as far as they are there, and written. */
function scalingUs(gpu: Gpu, c: GemmCoefficients, elements: number): number {
  const bytes = 3 * elements
  const fresh = residentShare(bytes, gpu.l2Bytes / 2, gpu.l2Bytes)
  return (bytes * fresh) / c.l2BytesPerUs + (bytes * (1 - fresh)) / (gpu.memoryBytesPerUs * c.bandwidthShare)
}

const slices = (k: number) => Math.ceil(k / kSlice) * kSlice

function waves(count: number, waveOverlap: number): number {
  return count <= 1 ? 1 : (1 - waveOverlap) * Math.ceil(count) + waveOverlap * count
}

function trafficUs(gpu: Gpu, c: GemmCoefficients, m: number, n: number, k: number, source: Source, bytesPerElement: number): number {
  const weights = bytesPerElement * n * k
  const activations = bytesPerElement * m * k + outputBytes * m * n
  const bandwidth = gpu.memoryBytesPerUs * c.bandwidthShare
  // The kernel before has just written the activations: they are in L2 as far as they fit.
  const fresh = residentShare(activations, gpu.l2Bytes / 2, gpu.l2Bytes)
  const replayed = source === 'replayed' ? residentShare(activations + replayedCopies * weights, 0.7 * gpu.l2Bytes, gpu.l2Bytes) : 0
  const fromMemory = weights * (1 - replayed) + activations * (1 - fresh)
  const fromL2 = weights * replayed + activations * fresh
  return (1 - replayed) * c.fillUs + fromMemory / bandwidth + fromL2 / c.l2BytesPerUs
}
