import type { AnalyticGpu } from './analytic-device.js'
import { type ChipName, chips } from './chips.js'
import type { CoefficientSet, Family } from './coefficient-set.js'
import { coefficients } from './coefficients.js'

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
      ...(inherited ? ['No public operator table of an RTX 4090 was at hand: same architecture as the L40S, own bandwidth, peak and size.'] : []),
      'Weights and KV are read from memory at each step, activations from L2 as far as they fit; no host time between kernels.',
    ],
  }
}

function fittedChip(chip: ChipName): FittedChip {
  return chip === 'rtx-4090' ? 'l40s' : chip
}

/**
 * The L40S's share of its peak is set by its power limit at twice the matrix rate per multiprocessor; the share of the RTX PRO 6000,
 * which has the power, is the nearer one.
 */
function ofRtx4090(l40s: CoefficientSet): CoefficientSet {
  const unthrottled = coefficients['rtx-pro-6000']['0.24']
  return {
    ...l40s,
    gemm: { ...l40s.gemm, computeShare: unthrottled.gemm.computeShare },
    prefill: { ...l40s.prefill, computeShare: unthrottled.prefill.computeShare },
  }
}

function errorsOf({ errors }: CoefficientSet): string {
  return (Object.keys(familyNames) as Family[])
    .map((family) => `${familyNames[family]} ${errors[family].leftOut.medianPercent} and ${errors[family].leftOut.p90Percent} %`)
    .join(', ')
}
