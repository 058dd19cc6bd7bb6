import type { AnalyticGpu } from './analytic-device.js'
import { type Chip, type ChipName, chips, type FittedChip } from './chips.js'
import { type CoefficientSet, type Family, families, familyNames, type Kinship } from './coefficient-set.js'
import { coefficients, inheritedErrors } from './coefficients.generated.js'
import { type GpuSpec, withEstimates } from './gpu.js'

/** Releases of vLLM whose kernels a chip, or the one it inherits from, was fitted to; the first is the default. */
export function kernelReleases(chip: ChipName): [string, ...string[]] {
  return Object.keys(coefficients[fittedChip(chip)]) as [string, ...string[]]
}

/** @param kernels one of `kernelReleases(chip)` */
export function analyticGpu(chip: ChipName, kernels: string): AnalyticGpu {
  const { spec, attention, inherits }: Chip = chips[chip]
  const fitted = coefficients[fittedChip(chip)][kernels]!
  const own = chip === 'rtx-4090' ? ofRtx4090(fitted) : inherits === undefined ? fitted : withFastL2(fitted, spec.memoryBytesPerSecond)
  const parent: GpuSpec | undefined = inherits && (chips[inherits.from].spec as GpuSpec)
  const { spec: complete, sentences } = withEstimates(spec, parent)
  return {
    spec: complete,
    published: spec,
    attention,
    coefficients: own,
    errors: errorsOf(fitted, inherits?.kinship),
    assumptions: [
      inherits === undefined
        ? `Operators of "${chip}" come from a roofline fitted to public measurements of it under vLLM ${kernels} (median and P90 error on curves left out: ${describe(fitted)}).`
        : `No operator table of "${chip}" was at hand: it inherits the efficiency curves of "${inherits.from}" under vLLM ${kernels}, ${inherits.why}, on its own figures. Predicting one measured chip with another's curves errs by ${describeInherited(inherits.kinship)} (median).`,
      ...sentences,
      ...(chip === 'rtx-4090'
        ? ['Times per multiprocessor are those of the L40S, shares of its own peak and bandwidth those of the RTX PRO 6000.']
        : []),
      'Weights and KV are read from memory at each step, activations from L2 as far as they fit; no host time between kernels.',
    ],
  }
}

/** L2 is no slower than the memory behind it, which may be faster than that of the chip whose curves are inherited. */
function withFastL2(set: CoefficientSet, memoryBytesPerSecond: number): CoefficientSet {
  const fast = <C extends { l2BytesPerUs: number }>(c: C): C => ({
    ...c,
    l2BytesPerUs: Math.max(c.l2BytesPerUs, memoryBytesPerSecond / 1e6),
  })
  return { ...set, gemm: fast(set.gemm), ...(set.gemmFp8 !== undefined && { gemmFp8: fast(set.gemmFp8) }) }
}

export function fittedChip(chip: ChipName): FittedChip {
  const { inherits }: Chip = chips[chip]
  return inherits?.from ?? (chip as FittedChip)
}

/** Median error of each family, shares: on curves left out, or of predicting one chip with the curves of another. */
function errorsOf({ errors }: CoefficientSet, kinship: Kinship | undefined): Partial<Record<Family, number>> {
  const ofFamily = (family: Family) => (kinship === undefined ? errors[family]?.leftOut.medianPercent : inheritedErrors[kinship][family])
  return Object.fromEntries(families.flatMap((family) => (ofFamily(family) === undefined ? [] : [[family, ofFamily(family)! / 100]])))
}

/**
 * What a multiprocessor takes comes from the L40S, the same architecture; the shares of peak and bandwidth come from the RTX PRO 6000,
 * since the L40S is held back by its power limit, at twice the matrix rate per multiprocessor, and by error correction in its memory.
 */
function ofRtx4090(l40s: CoefficientSet): CoefficientSet {
  const { gemm, decode, prefill, moe } = coefficients['rtx-pro-6000']['0.24']!
  return {
    ...l40s,
    gemm: { ...l40s.gemm, computeShare: gemm.computeShare, bandwidthShare: gemm.bandwidthShare },
    decode: { ...l40s.decode, bandwidthShare: decode.bandwidthShare },
    prefill: { ...l40s.prefill, computeShare: prefill.computeShare, bandwidthShare: prefill.bandwidthShare },
    moe: { ...l40s.moe, computeShare: moe.computeShare, bandwidthShare: moe.bandwidthShare },
  }
}

function describe({ errors }: CoefficientSet): string {
  return families
    .flatMap((family) => {
      const leftOut = errors[family]?.leftOut
      return leftOut === undefined ? [] : [`${familyNames[family]} ${leftOut.medianPercent} and ${leftOut.p90Percent} %`]
    })
    .join(', ')
}

function describeInherited(kinship: Kinship): string {
  const errors = inheritedErrors[kinship]
  return families.flatMap((family) => (errors[family] === undefined ? [] : [`${familyNames[family]} ${errors[family]} %`])).join(', ')
}
