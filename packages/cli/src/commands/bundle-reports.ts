import { basename, resolve } from 'node:path'
import { loadScenario } from '@servesim/config'
import { type Bundle, coverageOf, type OperatorCoverage, sameModel } from '@servesim/profile'
import { openBundle } from '@servesim/profile/node'
import { reportPage } from '@servesim/profiler'
import { count, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { importersOf, modelOf } from '../bundles.js'
import { type ExitCode, exitCode } from '../exit-code.js'
import { modelFor, resolveModel } from '../model-for.js'
import { builtIn, ownFolder } from '../prepare-run.js'
import { wholeNumber } from '../run-flags.js'
import type { Terminal } from '../terminal.js'
import { writeFileAtOnce } from '../write-files.js'

interface CoverageFlags {
  model?: string
  device?: string
  maxNumBatchedTokens?: string
  maxNumSeqs?: string
  maxContext?: string
  json?: boolean
}

/** What vLLM runs with where nothing is said, and a context that most requests stay within. */
const usual = { tokens: 2048, sequences: 256, context: 8192 }

/** `profile coverage` and `profile report`: what a bundle can be trusted with. */
export function addBundleReports(profile: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  profile
    .command('coverage')
    .summary('show which operators of a model a bundle lacks, and how far its tables reach')
    .description(
      'Shows which operators of a model no table of a bundle covers, and how far each axis reaches, beyond which it is extrapolated.',
    )
    .argument('<bundle>', 'a bundle, or a folder in a layout that an importer reads')
    .option('-m, --model <id|config.json>', 'model to serve (default: the one that was measured)')
    .option('-d, --device <name>', 'only this device, where the folder holds several')
    .option('--max-num-batched-tokens <n>', `most tokens of a step (default: the bundle’s, else ${usual.tokens})`)
    .option('--max-num-seqs <n>', `most sequences of a step (default: the bundle’s, else ${usual.sequences})`)
    .option('--max-context <n>', `longest sequence (default: the model’s, at most ${usual.context})`)
    .option('--json', 'print one JSON document')
    .action(async (folder: string, flags: CoverageFlags) => done(await showCoverage(folder, flags, terminal)))
  profile
    .command('report')
    .summary('write an HTML page with a chart of each operator and the errors of left-out points')
    .description('Writes one self-contained HTML page: a chart of each operator, and how well the tables predict points that are left out.')
    .argument('<bundle>', 'a bundle, or a folder in a layout that an importer reads')
    .option('-m, --model <id>', 'only this model, where the folder holds several')
    .option('-d, --device <name>', 'only this device')
    .option('-o, --output <file>', 'file to write (default: <bundle>.html)')
    .action(async (folder: string, flags: { model?: string; device?: string; output?: string }) => {
      const bundle = await open(folder, flags, terminal)
      const output = flags.output ?? `${basename(resolve(terminal.cwd, folder))}.html`
      writeFileAtOnce(resolve(terminal.cwd, output), [reportPage(bundle)])
      terminal.print(`Report in ${output}\n`)
      done(exitCode.done)
    })
}

async function registryOf(terminal: Terminal) {
  return (await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, ownFolder })).registry
}

async function open(folder: string, { model, device }: { model?: string; device?: string }, terminal: Terminal): Promise<Bundle> {
  const selection = { ...(model !== undefined && { model }), ...(device !== undefined && { device }) }
  return openBundle(resolve(terminal.cwd, folder), selection, importersOf(await registryOf(terminal)))
}

async function showCoverage(folder: string, flags: CoverageFlags, terminal: Terminal): Promise<ExitCode> {
  const registry = await registryOf(terminal)
  const bundle = await open(folder, flags.device === undefined ? {} : { device: flags.device }, terminal)
  const { manifest } = bundle
  const measured = () => resolveModel(modelOf(manifest, registry) as string | Record<string, unknown>, registry)
  const model = flags.model === undefined ? measured() : modelFor(flags.model, terminal.cwd, registry).model
  const given = (text: string | undefined, flag: string, otherwise: number) => (text === undefined ? otherwise : wholeNumber(text, flag))
  const limits = {
    maxBatchedTokens: given(flags.maxNumBatchedTokens, '--max-num-batched-tokens', manifest.maxBatchedTokens ?? usual.tokens),
    maxSequences: given(flags.maxNumSeqs, '--max-num-seqs', manifest.maxSequences ?? usual.sequences),
    maxContext: given(flags.maxContext, '--max-context', Math.min(model.maxModelLenTokens, usual.context)),
  }
  const degrees = bundle.shards.map(({ tensorParallel }) => {
    const graph = model.shard({ tensor: tensorParallel, pipeline: 1, expert: 1 }, {})
    return { tensorParallel, operators: coverageOf(bundle, graph, tensorParallel, limits) }
  })
  if (flags.json) terminal.print(`${JSON.stringify({ schemaVersion: 1, model: model.id, limits, degrees }, null, 2)}\n`)
  else {
    const foreign = sameModel(manifest.model, model.id)
      ? []
      : ['', `The bundle was measured with ${manifest.model}: what has a table here was measured at that model's sizes.`]
    terminal.print(`${[...degrees.flatMap((one) => textOf(model.id, one)), ...foreign].join('\n')}\n`)
  }
  return exitCode.done
}

function textOf(model: string, { tensorParallel, operators }: { tensorParallel: number; operators: OperatorCoverage[] }): string[] {
  const rows = operators.flatMap(({ operator, table: file, state, axes }) =>
    wrap(axes.map(reach).join(', '), 60).map((line, i) => (i === 0 ? [operator, file, state, line] : ['', '', '', line])),
  )
  const titles = ['Operator', 'table', 'state', 'measured up to (asked)']
  const missing = operators.filter(({ state }) => state === 'missing').length
  const short = operators.filter(({ state }) => state === 'reaches too short').length
  const verdict =
    missing + short === 0
      ? 'Every operator is covered.'
      : `${missing} of ${operators.length} operators have no table; ${short} reach too short and are extrapolated.`
  const columns = titles.map((title) => ({ title, align: 'left' as const }))
  return [`${model}, tensor parallel ${tensorParallel}`, '', ...table(columns, rows), '', verdict]
}

function reach({ name, measured, asked }: OperatorCoverage['axes'][number]): string {
  if (measured >= asked) return `${name} ${count(measured)}`
  const beyond = measured > 0 ? `, ${(asked / measured).toFixed(1)}× beyond` : ''
  return `${name} ${count(measured)} (${count(asked)}${beyond})`
}
