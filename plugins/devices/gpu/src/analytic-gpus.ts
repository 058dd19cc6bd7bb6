import type { AnalyticGpu } from './analytic-device.js'
import { type ChipName, chips } from './chips.js'
import type { CoefficientSet, Family } from './coefficient-set.js'
import { coefficients } from './coefficients.generated.js'

type FittedChip = keyof typeof coefficients

const familyNames: Record<Family, string> = { gemm: 'GEMM', decode: 'decode attention', prefill: 'prefill attention', moe: 'MoE' }

/** Releases of vLLM whose kernels a chip was fitted to; the first is the default. */
export function kernelReleases(chip: ChipName): [string, ...string[]] {
  return Object.keys(coefficients[fittedChip(chip)]) as [string, ...string[]]
}

/** @param kernels one of `kernelReleases(chip)` */
export function analyticGpu(chip: ChipName, kernels: string): AnalyticGpu {
  const { spec, attention } = chips[chip]
  const releases: Record<string, CoefficientSet> = coefficients[fittedChip(chip)]
  const fitted = releases[kernels]!
  const inherited = chip === 'rtx-4090'
  return {
    spec,
    attention,
    coefficients: inherited ? ofRtx4090(fitted) : fitted,
    assumptions: [
      `Operators of "${chip}" come from a roofline fitted to public measurements of ${inherited ? 'an L40S under ' : ''}vLLM ${kernels} (median and P90 error on curves left out: ${errorsOf(fitted)}).`,
      ...(inherited
        ? [
            'No public operator table of an RTX 4090 was at hand: times per multiprocessor are those of the L40S, shares of its own peak and bandwidth those of the RTX PRO 6000.',
          ]
        : []),
      'Weights and KV are read from memory at each step, activations from L2 as far as they fit; no host time between kernels.',
    ],
  }
}

function fittedChip(chip: ChipName): FittedChip {
  return chip === 'rtx-4090' ? 'l40s' : chip
}

/**
 * What a multiprocessor takes comes from the L40S, the same architecture; the shares of peak and bandwidth come from the RTX PRO 6000,
 * since the L40S is held back by its power limit, at twice the matrix rate per multiprocessor, and by error correction in its memory.
 */
function ofRtx4090(l40s: CoefficientSet): CoefficientSet {
  const { gemm, decode, prefill, moe } = coefficients['rtx-pro-6000']['0.24']
  return {
    ...l40s,
    gemm: { ...l40s.gemm, computeShare: gemm.computeShare, bandwidthShare: gemm.bandwidthShare },
    decode: { ...l40s.decode, bandwidthShare: decode.bandwidthShare },
    prefill: { ...l40s.prefill, computeShare: prefill.computeShare, bandwidthShare: prefill.bandwidthShare },
    moe: { ...l40s.moe, computeShare: moe.computeShare, bandwidthShare: moe.bandwidthShare },
  }
}

function errorsOf({ errors }: CoefficientSet): string {
  return (Object.keys(familyNames) as Family[])
    .map((family) => `${familyNames[family]} ${errors[family].leftOut.medianPercent} and ${errors[family].leftOut.p90Percent} %`)
    .join(', ')
}
