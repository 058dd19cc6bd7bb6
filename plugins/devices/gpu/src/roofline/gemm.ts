import { type Cost, type Gpu, overlapped, residentShare, type Source, shareOf } from '../gpu.js'

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
}

const tiles: readonly (readonly [rows: number, columns: number])[] = [16, 32, 64, 128, 256].flatMap((rows) =>
  [64, 128, 256].filter((columns) => rows * columns <= 32_768).map((columns) => [rows, columns] as const),
)
const splits = [2, 3, 4, 6, 8, 12, 16, 32]
/** k is consumed in slices of this many elements, and no split gets fewer than two. */
const kSlice = 64
const bytesPerElement = 2
/** fp32 partial sums, written and read back once. */
const partialBytes = 4
/** How sharply memory traffic and arithmetic overlap. */
const overlap = 3
/** Benchmarks replay a product over several copies of its weights. Inferred from the tables: they come from L2 up to a sixth of its size. */
const replayedCopies = 6

/**
 * A 16-bit matrix product m × k · k × n: tiles over the multiprocessors in waves, beside the traffic of weights and activations.
 * The library's choice of tile and split is the fastest of those that the model knows.
 */
export function gemm(gpu: Gpu, c: GemmCoefficients, m: number, n: number, k: number, source: Source = 'memory'): Cost {
  const compute = fastestTiling(gpu, c, m, n, k)
  const traffic = trafficUs(gpu, c, m, n, k, source)
  const us = c.launchUs + overlapped(compute, traffic, overlap)
  return { us, computeFraction: shareOf(compute, traffic, overlap) * (1 - c.launchUs / us) }
}

function fastestTiling(gpu: Gpu, c: GemmCoefficients, m: number, n: number, k: number): number {
  const peak = (gpu.flopPerUs * c.computeShare) / gpu.multiprocessors
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

const slices = (k: number) => Math.ceil(k / kSlice) * kSlice

function waves(count: number, waveOverlap: number): number {
  return count <= 1 ? 1 : (1 - waveOverlap) * Math.ceil(count) + waveOverlap * count
}

function trafficUs(gpu: Gpu, c: GemmCoefficients, m: number, n: number, k: number, source: Source): number {
  const weights = bytesPerElement * n * k
  const activations = bytesPerElement * (m * k + m * n)
  const bandwidth = gpu.memoryBytesPerUs * c.bandwidthShare
  // The kernel before has just written the activations: they are in L2 as far as they fit.
  const fresh = residentShare(activations, gpu.l2Bytes / 2, gpu.l2Bytes)
  const replayed = source === 'replayed' ? residentShare(activations + replayedCopies * weights, 0.7 * gpu.l2Bytes, gpu.l2Bytes) : 0
  const fromMemory = weights * (1 - replayed) + activations * (1 - fresh)
  const fromL2 = weights * replayed + activations * fresh
  return (1 - replayed) * c.fillUs + fromMemory / bandwidth + fromL2 / c.l2BytesPerUs
}
