import type { DecodeAttentionCoefficients } from './roofline/decode-attention.js'
import type { GemmCoefficients } from './roofline/gemm.js'
import type { MoeCoefficients } from './roofline/moe.js'
import type { PrefillAttentionCoefficients } from './roofline/prefill-attention.js'

export const families = ['gemm', 'decode', 'prefill', 'moe'] as const
export type Family = (typeof families)[number]

/** Relative errors, percent. */
export interface FitError {
  /** vLLM release of the table. */
  release: string
  rows: number
  medianPercent: number
  p90Percent: number
  /** Signed median: positive where the model is too slow. */
  biasPercent: number
}

/** Everything fitted for one chip under one release of the kernels. */
export interface CoefficientSet {
  gemm: GemmCoefficients
  decode: DecodeAttentionCoefficients
  prefill: PrefillAttentionCoefficients
  moe: MoeCoefficients
  /** On the curves fitted to, and on whole curves (every m of an (n, k), every length and batch of a head shape) left out. */
  errors: Record<Family, { training: FitError; leftOut: FitError }>
}
