import { resolve } from 'node:path'
import { inspectBundle } from '@servesim/profile'
import { openBundle } from '@servesim/profile/node'
import { count, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { importContextOf, importersOf } from '../bundles.js'
import { type ExitCode, exitCode } from '../exit-code.js'
import { type ImportFlags, importProfiles, installed, type SelectionFlags, selectionOf } from '../import-profiles.js'
import type { Terminal } from '../terminal.js'
import { addBundleReports } from './bundle-reports.js'
import { addMeasureCommand } from './measure.js'

export function addProfileCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const profile = program
    .command('profile')
    .summary('measure, import and inspect operator latencies')
    .description('Operator-latency bundles: what simulations on measurements rest on.')
  addMeasureCommand(profile, terminal, done)
  addBundleReports(profile, terminal, done)
  const selecting = (command: Command) =>
    command
      .option('-m, --model <id>', 'only this model')
      .option('-d, --device <name>', 'only this device')
      .option('--dtype <type>', 'only this element type, such as bf16')
      .option('--tp <n>', 'only this tensor-parallel degree; of aiconfigurator those to make, such as 1,2,4')
  selecting(
    profile
      .command('import')
      .summary('write bundles from another tool’s profiles')
      .description('Reads profiles in another tool’s layout and writes them as bundles: one in -o itself, several in folders below it.')
      .argument('<importer>', 'layout: aiconfigurator, llmservingsim, llmservingsim-v0, vidur, or of a plugin')
      .argument('<dir>', 'folder of the profiles, at any level')
      .requiredOption('-o, --output <dir>', 'folder to make')
      .option('--engine <name>', 'engine whose kernels are taken (aiconfigurator)', 'vllm')
      .option('--release <release>', 'release of the engine: this one, else the newest that was measured (aiconfigurator)')
      .option('--replace', 'replace bundles that lie there already'),
  ).action(async (importer: string, dir: string, flags: ImportFlags) => {
    await importProfiles(importer, dir, flags, terminal)
    done(exitCode.done)
  })
  selecting(
    profile
      .command('inspect')
      .summary('show what a bundle holds')
      .description('Shows what a bundle was measured on, its tables and ranges, and what a reader should know before trusting them.')
      .argument('<bundle>', 'a bundle, or a folder in a layout that an importer reads')
      .option('--json', 'print one JSON document'),
  ).action(async (folder: string, flags: SelectionFlags & { json?: boolean }) => {
    await inspect(folder, flags, terminal)
    done(exitCode.done)
  })
}

async function inspect(folder: string, flags: SelectionFlags & { json?: boolean }, terminal: Terminal): Promise<void> {
  const registry = await installed(terminal)
  const path = resolve(terminal.cwd, folder)
  const report = inspectBundle(await openBundle(path, selectionOf(flags), importersOf(registry), importContextOf(registry)))
  if (flags.json) {
    terminal.print(`${JSON.stringify(report, null, 2)}\n`)
    return
  }
  const { manifest, tables, warnings } = report
  const facts: [string, string | undefined][] = [
    ['Model', manifest.model],
    ['Device', [manifest.device, manifest.deviceName].filter(Boolean).join(', ')],
    ['Types', `${manifest.dtype}, KV cache ${manifest.kvCacheDtype}`],
    ['Tensor parallel', manifest.tensorParallel.join(', ')],
    [
      'Engine',
      `${manifest.engine.name} ${manifest.engine.release}, ${manifest.launch === 'eager' ? 'kernels launched one by one' : 'replayed from CUDA graphs'}`,
    ],
    ['Measured', manifest.measuredAt],
    ['Profiler', `${manifest.profiler.name} ${manifest.profiler.release}, ${manifest.measurementIterations} iterations`],
    ['Limits', limits(manifest.maxBatchedTokens, manifest.maxSequences)],
    ['Collectives', manifest.collectivesRelease && `measured under ${manifest.engine.name} ${manifest.collectivesRelease}`],
  ]
  const lines = facts.filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => `${name.padEnd(16)} ${value}`)
  const rows = tables.flatMap(({ name, rows: n, operators, axes }) =>
    wrap(axes.map((axis) => `${axis.name} ${count(axis.min)}–${count(axis.max)}`).join(', '), 60).map((range, i) =>
      i === 0 ? [name, count(n), String(operators.length), range] : ['', '', '', range],
    ),
  )
  const columns = [
    { title: 'Table', align: 'left' as const },
    { title: 'rows', align: 'right' as const },
    { title: 'operators', align: 'right' as const },
    { title: 'range', align: 'left' as const },
  ]
  const notes = [...manifest.notes, ...warnings].flatMap((sentence) => wrap(`- ${sentence}`, 98, '  '))
  terminal.print(`${[...lines, '', ...table(columns, rows), ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')}\n`)
}

function limits(tokens: number | undefined, sequences: number | undefined): string | undefined {
  return tokens === undefined && sequences === undefined
    ? undefined
    : `${count(tokens ?? Number.NaN)} tokens, ${count(sequences ?? Number.NaN)} sequences in a step`
}
