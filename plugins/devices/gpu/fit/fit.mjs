// Fits the roofline's coefficients to NVIDIA AIConfigurator's operator tables and writes src/coefficients.generated.ts and the README's table.
// Usage, after a build: npm run fit [chip …]; takes some four minutes.
import { readFileSync, writeFileSync } from 'node:fs'
import { chips } from '../dist/chips.js'
import { coefficients as known } from '../dist/coefficients.js'
import { gpuOf } from '../dist/gpu.js'
import { decodeAttention } from '../dist/roofline/decode-attention.js'
import { gemm } from '../dist/roofline/gemm.js'
import { moe } from '../dist/roofline/moe.js'
import { prefillAttention } from '../dist/roofline/prefill-attention.js'
import { familiesOf } from './families.mjs'
import { fitError } from './measure.mjs'
import { minimise } from './minimise.mjs'
import { sets } from './sets.mjs'
import { isLeftOut, readTable } from './tables.mjs'

const sampleRows = 3000
const steps = 500
const wanted = process.argv.slice(2)

/** @type {Record<string, Record<string, any>>} */
const fitted = {}
for (const { chip, kernels, tables } of sets) {
  fitted[chip] ??= {}
  fitted[chip][kernels] = wanted.length > 0 && !wanted.includes(chip) ? known[chip][kernels] : await fitSet(tables)
  console.error(chip, kernels, describe(fitted[chip][kernels].errors))
}
writeFileSync(new URL('../src/coefficients.generated.ts', import.meta.url), source(fitted))
const readme = new URL('../README.md', import.meta.url)
writeFileSync(readme, readFileSync(readme, 'utf8').replace(/(?<=<!-- errors -->\n)[\s\S]*?(?=<!-- \/errors -->)/, errorTable(fitted)))

/** @param {import('./sets.mjs').FitSet['tables']} tables */
async function fitSet(tables) {
  /** @type {Record<string, any>} */
  const set = { errors: {} }
  for (const [name, { ranges, predictUs }] of Object.entries(familiesOf({ gemm, decodeAttention, prefillAttention, moe }))) {
    const { system, release, chip } = tables[/** @type {keyof typeof tables} */ (name)]
    const gpu = gpuOf(chips[chip].spec, chips[chip].attention)
    const rows = await readTable(system, /** @type {keyof typeof tables} */ (name), release)
    const training = rows.filter((row) => !isLeftOut(row))
    const sample = training.filter((_, i) => i % Math.max(1, Math.floor(training.length / sampleRows)) === 0)
    const names = Object.keys(ranges)
    /** @param {number[]} values */
    const named = (values) => Object.fromEntries(names.map((key, i) => [key, values[i]]))
    const best = minimise(
      (values) => {
        const c = named(values)
        return sample.reduce((sum, row) => sum + Math.abs(Math.log(predictUs(gpu, c, row) / row.us)), 0) / sample.length
      },
      Object.values(ranges),
      steps,
    )
    const c = named(best.map((value) => Number(value.toPrecision(4))))
    set[name] = c
    /** @param {any} row */
    const fittedUs = (row) => predictUs(gpu, c, row)
    set.errors[name] = { training: fitError(fittedUs, training, release), leftOut: fitError(fittedUs, rows.filter(isLeftOut), release) }
  }
  return set
}

/** @param {any} errors */
function describe(errors) {
  return Object.entries(errors)
    .map(([name, { leftOut }]) => `${name} ${leftOut.medianPercent}/${leftOut.p90Percent}`)
    .join('  ')
}

/** @param {Record<string, Record<string, any>>} all */
function source(all) {
  const body = JSON.stringify(all, null, 2)
    .replace(/"([a-zA-Z0-9]+)":/g, '$1:')
    .replace(/"/g, "'")
  return `import type { CoefficientSet } from './coefficient-set.js'

/**
 * Written by \`npm run fit\`; do not edit. Fitted to the operator tables of NVIDIA AIConfigurator (repository ai-dynamo/aiconfigurator,
 * Apache-2.0, as of August 2026), 16-bit, by chip and vLLM release of the kernels; a chip's first release is its default.
 */
export const coefficients = ${body} satisfies Record<string, Record<string, CoefficientSet>>
`
}

/** @param {Record<string, Record<string, any>>} all */
function errorTable(all) {
  const head = '| chip | kernels of vLLM | GEMM | decode attention | prefill attention | MoE |\n|---|---|--:|--:|--:|--:|\n'
  const lines = Object.entries(all).flatMap(([chip, releases]) =>
    Object.entries(releases).map(([kernels, { errors }]) => {
      const cells = Object.values(errors).map(({ leftOut }) => `${leftOut.medianPercent} · ${leftOut.p90Percent} (${leftOut.rows})`)
      return `| ${chip} | ${kernels} | ${cells.join(' | ')} |`
    }),
  )
  return `${head}${lines.join('\n')}\n`
}
