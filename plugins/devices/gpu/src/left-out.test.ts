import { describe, expect, it } from 'vitest'
import { familiesOf } from '../fit/families.mjs'
import { fitError } from '../fit/measure.mjs'
import { sets } from '../fit/sets.mjs'
import { isLeftOut, readTable, tablesPresent } from '../fit/tables.mjs'
import { analyticGpu } from './analytic-gpus.js'
import { chips } from './chips.js'
import { type Family, families } from './coefficient-set.js'
import { gpuOf } from './gpu.js'
import { decodeAttention } from './roofline/decode-attention.js'
import { gemm } from './roofline/gemm.js'
import { moe } from './roofline/moe.js'
import { prefillAttention } from './roofline/prefill-attention.js'

const predictors = familiesOf({ gemm, decodeAttention, prefillAttention, moe })
/** Median error on this fifth of the curves, percent; the README says how the other fifths fare. The A100's table of experts has skewed rows only. */
const bound = (family: Family, chip: string) => (family === 'moe' ? (chip === 'a100-80-sxm' ? 13 : 7) : 8)

// Needs the operator tables of NVIDIA AIConfigurator at SERVESIM_DATA; skipped where they are absent.
describe.skipIf(!tablesPresent)('on curves left out of the fit', () => {
  describe.each(sets)('of $chip under $kernels', ({ chip, kernels, tables }) => {
    it.each(families)('%s errs as stated, and within its bound', async (family) => {
      const { coefficients } = analyticGpu(chip, kernels)
      const table = tables[family]
      const rows = await readTable(table.system, family, table.release)
      const gpu = gpuOf(chips[table.chip].spec, chips[table.chip].attention)
      const error = fitError((row) => predictors[family].predictUs(gpu, coefficients[family], row), rows.filter(isLeftOut), table.release)
      expect(error).toEqual(coefficients.errors[family].leftOut)
      expect(error.medianPercent).toBeLessThanOrEqual(bound(family, chip))
    })
  })
})
