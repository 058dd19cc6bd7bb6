import type { DeviceSpec } from '@servesim/core'
import type { AttentionKernel } from './attention-kernel.js'

/** What the roofline needs of a chip. Rates per microsecond, so that bytes ÷ rate is a latency in µs. */
export interface Gpu {
  readonly multiprocessors: number
  readonly memoryBytesPerUs: number
  /** Dense 16-bit peak of the whole chip. */
  readonly flopPerUs: number
  /** Dense 8-bit peak; absent: the chip has no such units, or their rate is unknown. */
  readonly fp8FlopPerUs: number | undefined
  readonly l2Bytes: number
  readonly attention: AttentionKernel
}

/**
 * The figures that the roofline needs and a chip's sheet does not give, as sentences of the summary say: multiprocessors in proportion to the
 * matrix rate, L2 as of the chip whose curves are inherited.
 */
export function withEstimates(spec: DeviceSpec, parent: GpuSpec | undefined): { spec: GpuSpec; sentences: string[] } {
  if (parent === undefined) return { spec: spec as GpuSpec, sentences: [] }
  const { streamingMultiprocessors, l2Bytes } = spec
  const estimate = Math.max(1, Math.round((parent.streamingMultiprocessors * spec.bf16FlopPerSecond) / parent.bf16FlopPerSecond))
  return {
    spec: { ...spec, streamingMultiprocessors: streamingMultiprocessors ?? estimate, l2Bytes: l2Bytes ?? parent.l2Bytes },
    sentences: [
      ...(streamingMultiprocessors === undefined
        ? [`The number of its multiprocessors is unknown: the roofline counts ${estimate}, in proportion to its matrix rate.`]
        : []),
      ...(l2Bytes === undefined ? [`The size of its L2 is unknown: the roofline takes that of "${parent.name}".`] : []),
    ],
  }
}

/** Number formats of matrix products that are modelled: what an operand's element weighs. */
export const elementBytes = { bf16: 2, fp8: 1 } as const
export type Format = keyof typeof elementBytes

/** Dense peak in a format. */
export function peakOf(gpu: Gpu, format: Format): number {
  return format === 'fp8' ? gpu.fp8FlopPerUs! : gpu.flopPerUs
}

/** A device whose published figures suffice for the roofline. */
export type GpuSpec = DeviceSpec & Required<Pick<DeviceSpec, 'streamingMultiprocessors' | 'l2Bytes'>>

export function gpuOf(spec: GpuSpec, attention: AttentionKernel): Gpu {
  return {
    multiprocessors: spec.streamingMultiprocessors,
    memoryBytesPerUs: spec.memoryBytesPerSecond / 1e6,
    flopPerUs: spec.bf16FlopPerSecond / 1e6,
    fp8FlopPerUs: spec.fp8FlopPerSecond === undefined ? undefined : spec.fp8FlopPerSecond / 1e6,
    l2Bytes: spec.l2Bytes,
    attention,
  }
}

/**
 * Where weights and KV are read from. A serving step touches gigabytes between two uses of one layer's weights: always memory.
 * Kernel benchmarks replay one call over a few buffers, and what fits comes from L2; only the fit and its tests assume that.
 */
export type Source = 'memory' | 'replayed'

/** One kernel or a fused group of them. */
export interface Cost {
  us: number
  /** Share of the time that arithmetic binds. */
  computeFraction: number
}

/** How two resources that mostly overlap add up: a p-norm, the larger one where they differ, more than either where they meet. */
export function overlapped(a: number, b: number, power: number): number {
  const large = Math.max(a, b)
  return large === 0 ? 0 : large * (1 + (Math.min(a, b) / large) ** power) ** (1 / power)
}

/** Share of an overlapped time that `a` is responsible for. */
export function shareOf(a: number, b: number, power: number): number {
  if (a === 0) return 0
  const ratio = (Math.min(a, b) / Math.max(a, b)) ** power
  return a >= b ? 1 / (1 + ratio) : ratio / (1 + ratio)
}

/** A share that falls linearly from 1 at `full` bytes to 0 at `empty` bytes. */
export function residentShare(bytes: number, full: number, empty: number): number {
  return Math.min(1, Math.max(0, (empty - bytes) / (empty - full)))
}
