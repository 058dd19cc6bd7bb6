import type { DecodeAttentionCoefficients } from './roofline/decode-attention.js'
import type { GemmCoefficients } from './roofline/gemm.js'
import type { MoeCoefficients } from './roofline/moe.js'
import type { PrefillAttentionCoefficients } from './roofline/prefill-attention.js'

export const families = ['gemm', 'decode', 'prefill', 'moe', 'gemmFp8', 'moeFp8'] as const
export type Family = (typeof families)[number]

export const familyNames: Record<Family, string> = {
  gemm: 'GEMM',
  decode: 'decode attention',
  prefill: 'prefill attention',
  moe: 'MoE',
  gemmFp8: 'GEMM in fp8',
  moeFp8: 'MoE in fp8',
}

/** How near a chip stands to the one whose curves it inherits. */
export type Kinship = 'sameArchitecture' | 'otherArchitecture'

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
  /** Absent where the chip has no 8-bit units, or they were not measured. */
  gemmFp8?: GemmCoefficients
  moeFp8?: MoeCoefficients
  /** On the curves fitted to, and on whole curves (every m of an (n, k), every length and batch of a head shape) left out. */
  errors: Partial<Record<Family, { training: FitError; leftOut: FitError }>>
}
