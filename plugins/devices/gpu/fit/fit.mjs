// Fits the roofline's coefficients to NVIDIA AIConfigurator's operator tables and writes src/coefficients.generated.ts and the README's table.
// Usage, after a build: npm run fit [chip …]; a chip that is not named keeps the families it has. Takes some ten minutes.
// npm run fit -- family … fits only these families, and what was never fitted.
import { readFileSync, writeFileSync } from 'node:fs'
import { chips } from '../dist/chips.js'
import { families } from '../dist/coefficient-set.js'
import { coefficients as known } from '../dist/coefficients.generated.js'
import { gpuOf } from '../dist/gpu.js'
import { decodeAttention } from '../dist/roofline/decode-attention.js'
import { gemm } from '../dist/roofline/gemm.js'
import { moe } from '../dist/roofline/moe.js'
import { prefillAttention } from '../dist/roofline/prefill-attention.js'
import { familiesOf } from './families.mjs'
import { fitError } from './measure.mjs'
import { minimise } from './minimise.mjs'
import { architectureOf, sets } from './sets.mjs'
import { isLeftOut, readTable } from './tables.mjs'

const sampleRows = 3000
const steps = 500
const wanted = process.argv.slice(2).filter((name) => !families.includes(/** @type {any} */ (name)))
const again = process.argv.slice(2).filter((name) => families.includes(/** @type {any} */ (name)))

/** @type {Record<string, Record<string, any>>} */
const fitted = {}
for (const { chip, kernels, tables } of sets) {
  fitted[chip] ??= {}
  const before = wanted.length + again.length > 0 && !wanted.includes(chip) ? known[chip]?.[kernels] : undefined
  fitted[chip][kernels] = await fitSet(tables, before)
  console.error(chip, kernels, describe(fitted[chip][kernels].errors))
}
const inherited = await inheritedErrors(fitted)
writeFileSync(new URL('../src/coefficients.generated.ts', import.meta.url), source(fitted, inherited))
const readme = new URL('../README.md', import.meta.url)
writeFileSync(readme, readFileSync(readme, 'utf8').replace(/(?<=<!-- errors -->\n)[\s\S]*?(?=<!-- \/errors -->)/, errorTable(fitted)))

/**
 * @param {import('./sets.mjs').FitSet['tables']} tables
 * @param {any} before coefficients to keep
 */
async function fitSet(tables, before) {
  /** @type {Record<string, any>} */
  const set = { errors: {} }
  for (const [name, { ranges, predictUs }] of Object.entries(familiesOf({ gemm, decodeAttention, prefillAttention, moe }))) {
    const table = tables[/** @type {keyof typeof tables} */ (name)]
    if (table === undefined) continue
    if (before?.[name] !== undefined && !again.includes(name)) {
      set[name] = before[name]
      set.errors[name] = before.errors[name]
      continue
    }
    const { system, release, chip } = table
    const gpu = gpuOf(chips[chip].spec, chips[chip].attention)
    const rows = await readTable(system, /** @type {keyof typeof tables} */ (name), release)
    if (rows.length === 0) continue
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

/**
 * How far one measured chip's curves are off on another's left-out curves: the median over all pairs, percent. Pairs of one architecture tell what a
 * chip of a measured architecture may expect, all others what the rest may.
 * @param {Record<string, Record<string, any>>} all
 */
async function inheritedErrors(all) {
  /** @type {Record<string, Record<string, number[]>>} */
  const found = { sameArchitecture: {}, otherArchitecture: {} }
  const predictors = familiesOf({ gemm, decodeAttention, prefillAttention, moe })
  const newest = [...new Map(sets.map((set) => [set.chip, set])).values()]
  for (const to of newest) {
    for (const [name, table] of Object.entries(to.tables)) {
      const family = /** @type {import('./tables.mjs').FamilyName} */ (name)
      const rows = (await readTable(table.system, family, table.release)).filter(isLeftOut)
      const gpu = gpuOf(/** @type {any} */ (chips[table.chip].spec), chips[table.chip].attention)
      for (const from of newest) {
        const c = all[from.chip][from.kernels][name]
        if (from === to || c === undefined || rows.length === 0) continue
        const kinship = architectureOf[from.chip] === architectureOf[to.chip] ? 'sameArchitecture' : 'otherArchitecture'
        found[kinship][name] ??= []
        found[kinship][name].push(fitError((row) => predictors[family].predictUs(gpu, c, row), rows, table.release).medianPercent)
      }
    }
  }
  return Object.fromEntries(
    Object.entries(found).map(([kinship, byFamily]) => [
      kinship,
      Object.fromEntries(
        Object.entries(byFamily).map(([name, errors]) => [name, errors.sort((a, b) => a - b)[Math.floor(errors.length / 2)]]),
      ),
    ]),
  )
}

/** @param {any} errors */
function describe(errors) {
  return Object.entries(errors)
    .map(([name, { leftOut }]) => `${name} ${leftOut.medianPercent}/${leftOut.p90Percent}`)
    .join('  ')
}

/**
 * @param {Record<string, Record<string, any>>} all
 * @param {unknown} inherited
 */
function source(all, inherited) {
  /** @param {unknown} value */
  const literal = (value) =>
    JSON.stringify(value, null, 2)
      .replace(/"([a-zA-Z0-9]+)":/g, '$1:')
      .replace(/"/g, "'")
  return `import type { FittedChip } from './chips.js'
import type { CoefficientSet, Family, Kinship } from './coefficient-set.js'

/**
 * Written by \`npm run fit\`; do not edit. Fitted to the operator tables of NVIDIA AIConfigurator (repository ai-dynamo/aiconfigurator,
 * Apache-2.0, as of August 2026), 16-bit, by chip and vLLM release of the kernels; a chip's first release is its default.
 */
export const coefficients: Record<FittedChip, Record<string, CoefficientSet>> = ${literal(all)}

/** Median error of predicting one measured chip with the curves of another, percent, median over all pairs. */
export const inheritedErrors: Record<Kinship, Partial<Record<Family, number>>> = ${literal(inherited)}
`
}

/** @param {Record<string, Record<string, any>>} all */
function errorTable(all) {
  const head =
    '| chip | kernels of vLLM | GEMM | decode attention | prefill attention | MoE | GEMM fp8 | MoE fp8 |\n|---|---|--:|--:|--:|--:|--:|--:|\n'
  const lines = Object.entries(all).flatMap(([chip, releases]) =>
    Object.entries(releases).map(([kernels, { errors }]) => {
      const cells = families
        .map((family) => errors[family]?.leftOut)
        .map((leftOut) => (leftOut === undefined ? '' : `${leftOut.medianPercent} · ${leftOut.p90Percent} (${leftOut.rows})`))
      return `| ${chip} | ${kernels} | ${cells.join(' | ')} |`
    }),
  )
  return `${head}${lines.join('\n')}\n`
}
