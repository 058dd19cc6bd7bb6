import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isServesimError } from '@servesim/core'
import { type Validation, validateRun } from 'servesim'
import { dataFolder } from './data-folder.js'
import { evidence, introduction, remaining } from './fidelity-text.js'

/** A recorded run, simulated; or why it is not. */
interface Run {
  name: string
  validation: Validation | undefined
  refusal: string | undefined
  /** Mean and largest absolute error of LLMServingSim's own prediction of this run, %, from the table beside the recording. */
  peer: { mean: number; largest: number } | undefined
}

/** `npm run fidelity`: replays every recorded run that is at hand and writes docs/fidelity.md. */
async function main(): Promise<void> {
  const data = join(dataFolder(), 'llmservingsim')
  const examples = join(data, 'bench/examples')
  if (!existsSync(examples)) {
    process.stderr.write(
      `No recorded run lies below ${examples}; docs/fidelity.md is left as it is. Set SERVESIM_DATA to where they are.\n`,
    )
    return
  }
  const runs: Run[] = []
  for (const hardware of readdirSync(examples).sort()) {
    for (const model of readdirSync(join(examples, hardware)).sort()) {
      const folder = join(examples, hardware, model)
      process.stderr.write(`${hardware} ${model} …\n`)
      runs.push({ name: `${model} on ${hardware}`, ...(await simulate(folder, join(data, 'profiler/perf'))), peer: peerError(folder) })
    }
  }
  const file = fileURLToPath(new URL('../../../docs/fidelity.md', import.meta.url))
  writeFileSync(`${file}.tmp`, page(runs))
  renameSync(`${file}.tmp`, file)
  process.stderr.write(`Written: docs/fidelity.md\n`)
}

async function simulate(folder: string, profiles: string): Promise<Pick<Run, 'validation' | 'refusal'>> {
  try {
    return { validation: await validateRun(folder, { cwd: process.cwd(), profiles: [profiles], ablate: true }), refusal: undefined }
  } catch (error) {
    if (!isServesimError(error)) throw error
    return { validation: undefined, refusal: error.message }
  }
}

function peerError(folder: string): Run['peer'] {
  const file = join(folder, 'validation/summary.txt')
  if (!existsSync(file)) return undefined
  const errors = [...readFileSync(file, 'utf8').matchAll(/([+-][\d.]+)%/g)].map((match) => Math.abs(Number(match[1])))
  return errors.length === 0 ? undefined : { mean: errors.reduce((a, b) => a + b, 0) / errors.length, largest: Math.max(...errors) }
}

function page(runs: readonly Run[]): string {
  const rows = runs.map(({ name, validation, refusal, peer }) => [
    name,
    ...(validation === undefined
      ? [`not simulated: ${refusal}`, '']
      : [`${percent(validation.meanAbsErrorPct)}`, `${percent(validation.maxAbsErrorPct)}`]),
    peer === undefined ? '' : percent(peer.mean),
    peer === undefined ? '' : percent(peer.largest),
  ])
  const summary = markdown(['recorded run', 'mean absolute error', 'largest', 'LLMServingSim’s mean', 'its largest'], rows)
  const sections = runs.flatMap(({ name, validation }) => (validation === undefined ? [] : [runSection(name, validation)]))
  return [introduction, summary, evidence, ...sections, remaining].join('\n\n').concat('\n')
}

function runSection(name: string, { metrics, ablations, meanAbsErrorPct, maxAbsErrorPct, settings, assumptions }: Validation): string {
  const columns = ['figure', 'measured', 'simulated', 'error', ...ablations.map((a) => `without ${a.without}`)]
  const rows = metrics.map((figure, i) => [
    `${figure.metric} ${figure.stat}`,
    `${figure.measured.toFixed(2)} ms`,
    `${figure.simulated.toFixed(2)} ms`,
    signed(figure.errorPct),
    ...ablations.map((a) => signed(a.metrics[i]!.errorPct)),
  ])
  rows.push(['mean absolute', '', '', percent(meanAbsErrorPct), ...ablations.map((a) => percent(a.meanAbsErrorPct))])
  rows.push(['largest', '', '', percent(maxAbsErrorPct), ...ablations.map((a) => percent(a.maxAbsErrorPct))])
  return [
    `## ${name}`,
    `vLLM ${settings.vllmRelease}, TP ${settings.tensorParallel}. Error of each figure, and what it becomes without one mechanism.`,
    markdown(columns, rows),
    `Assumed:\n\n${assumptions.map((sentence) => `- ${sentence}`).join('\n')}`,
  ].join('\n\n')
}

function markdown(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

const percent = (value: number) => `${value.toFixed(2)} %`
const signed = (value: number) => `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(2)} %`

await main()
