import { join, resolve } from 'node:path'
import { loadScenario } from '@servesim/config'
import { isServesimError, nearMatches, type Registry, ServesimError } from '@servesim/core'
import { type Bundle, type BundleIdentity, type BundleSelection, inspectBundle, sameDevice, sameModel } from '@servesim/profile'
import { openBundle, writeBundle } from '@servesim/profile/node'
import { count, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { importContextOf, importersOf } from '../bundles.js'
import { type ExitCode, exitCode } from '../exit-code.js'
import { builtIn, ownFolder } from '../prepare-run.js'
import { wholeNumber } from '../run-flags.js'
import type { Terminal } from '../terminal.js'
import { addMeasureCommand } from './measure.js'

interface SelectionFlags {
  model?: string
  device?: string
  dtype?: string
  tp?: string
}

export function addProfileCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const profile = program
    .command('profile')
    .summary('measure, import and inspect operator latencies')
    .description('Operator-latency bundles: what simulations on measurements rest on.')
  addMeasureCommand(profile, terminal, done)
  const selecting = (command: Command) =>
    command
      .option('-m, --model <id>', 'only this model')
      .option('-d, --device <name>', 'only this device')
      .option('--dtype <type>', 'only this element type, such as bf16')
      .option('--tp <n>', 'only this tensor-parallel degree')
  selecting(
    profile
      .command('import')
      .summary('write bundles from another tool’s profiles')
      .description('Reads profiles in another tool’s layout and writes them as bundles: one in -o itself, several in folders below it.')
      .argument('<importer>', 'layout, such as llmservingsim')
      .argument('<dir>', 'folder of the profiles, at any level')
      .requiredOption('-o, --output <dir>', 'folder to make')
      .option('--replace', 'replace bundles that lie there already'),
  ).action(async (importer: string, dir: string, flags: SelectionFlags & { output: string; replace?: boolean }) => {
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

async function importProfiles(
  name: string,
  dir: string,
  flags: SelectionFlags & { output: string; replace?: boolean },
  terminal: Terminal,
): Promise<void> {
  const registry = await installed(terminal)
  const importers = importersOf(registry)
  const importer = importers.find((candidate) => candidate.name === name)
  if (importer === undefined) {
    const names = importers.map((candidate) => candidate.name)
    const near = nearMatches(name, names)
    throw new ServesimError(
      'SERVESIM_UNKNOWN_NAME',
      'profile import',
      `There is no importer "${name}"; installed: ${names.join(', ')}.`,
      near.length > 0 ? `Did you mean ${near[0]}?` : undefined,
    )
  }
  const from = resolve(terminal.cwd, dir)
  const selection = selectionOf(flags)
  const fitting = (await importer.list(from)).filter((identity) => fits(identity, selection))
  const to = resolve(terminal.cwd, flags.output)
  // With nothing or one to import, the importer says what is wrong or which it is.
  const wanted =
    fitting.length > 1
      ? fitting.map(({ device, model, dtype, kvCacheDtype }) => ({ ...selection, device, model, dtype, kvCacheDtype }))
      : [selection]
  let last: unknown
  let written = 0
  for (const one of wanted) {
    let bundle: Bundle
    try {
      bundle = await importer.import(from, one, importContextOf(registry))
    } catch (error) {
      // Of several, those that are complete are imported all the same.
      if (wanted.length === 1 || !isServesimError(error)) throw error
      terminal.note(`Left out: ${error.format()}\n`)
      last = error
      continue
    }
    written++
    const { device, model, dtype, kvCacheDtype, tensorParallel, notes } = bundle.manifest
    const folder =
      wanted.length === 1 ? to : join(to, device, ...model.split('/'), kvCacheDtype === 'auto' ? dtype : `${dtype}-kv${kvCacheDtype}`)
    writeBundle(bundle, folder, { replace: flags.replace === true })
    terminal.print(`${model} on ${device}, ${dtype}, TP ${tensorParallel.join(', ')} → ${folder}\n`)
    for (const note of notes) terminal.print(`${wrap(`- ${note}`, 98, '  ').join('\n')}\n`)
  }
  if (written === 0) throw last
}

function fits(identity: BundleIdentity, { device, model, dtype, tensorParallel }: BundleSelection): boolean {
  return (
    (device === undefined || sameDevice(identity.device, device)) &&
    (model === undefined || sameModel(identity.model, model)) &&
    (dtype === undefined || identity.dtype === dtype) &&
    (tensorParallel === undefined || identity.tensorParallel.includes(tensorParallel))
  )
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

async function installed(terminal: Terminal): Promise<Registry> {
  return (await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, ownFolder })).registry
}

function selectionOf({ model, device, dtype, tp }: SelectionFlags): BundleSelection {
  return {
    ...(model !== undefined && { model }),
    ...(device !== undefined && { device }),
    ...(dtype !== undefined && { dtype }),
    ...(tp !== undefined && { tensorParallel: wholeNumber(tp, '--tp') }),
  }
}
