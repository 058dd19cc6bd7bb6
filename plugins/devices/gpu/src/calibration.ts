import { analyticGpu, fittedChip, kernelReleases } from './analytic-gpus.js'
import { type Chip, type ChipName, chips, type FittedChip } from './chips.js'
import { type Family, type FitError, families, familyNames } from './coefficient-set.js'

/** What one chip's analytic prices rest on, under one release of the kernels. */
export interface Calibration {
  kernels: string
  /** The measured chip whose curves it has: itself, or the one it inherits from. */
  fittedTo: FittedChip
  inherited: boolean
  /** By operator family, in words: on curves left out; of an inherited chip the error of predicting one measured chip with another's curves. */
  errors: { family: string; medianPercent: number; p90Percent: number | undefined; rows: number | undefined }[]
}

/** Every chip's calibrations, its default release first. */
export function calibrations(): Record<string, Calibration[]> {
  return Object.fromEntries(
    (Object.keys(chips) as ChipName[]).map((chip) => [
      chip,
      kernelReleases(chip).map((kernels): Calibration => {
        const { inherits }: Chip = chips[chip]
        const { coefficients, errors } = analyticGpu(chip, kernels)
        const leftOut = (family: Family): FitError | undefined =>
          inherits === undefined ? coefficients.errors[family]?.leftOut : undefined
        return {
          kernels,
          fittedTo: fittedChip(chip),
          inherited: inherits !== undefined,
          errors: families.flatMap((family) =>
            errors[family] === undefined || coefficients[family] === undefined
              ? []
              : [
                  {
                    family: familyNames[family],
                    medianPercent: Math.round(errors[family] * 1000) / 10,
                    p90Percent: leftOut(family)?.p90Percent,
                    rows: leftOut(family)?.rows,
                  },
                ],
          ),
        }
      }),
    ]),
  )
}
