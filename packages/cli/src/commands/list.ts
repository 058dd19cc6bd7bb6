import { type InstalledPlugin, loadScenario } from '@servesim/config'
import { type DeviceProvider, device, isServesimError, modelSource, type Registry } from '@servesim/core'
import { findBundles } from '@servesim/profile/node'
import { type Column, number, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { builtIn, ownFolder } from '../prepare-run.js'
import { collect } from '../run-flags.js'
import type { Terminal } from '../terminal.js'

interface ListFlags {
  json?: boolean
  plugin?: string[]
}

type Row = Record<string, unknown>

/** Lists: what each shows as JSON, and as a table. */
const lists: Record<
  string,
  { summary: string; rows(registry: Registry, installed: readonly InstalledPlugin[]): Row[]; text(rows: Row[]): string[] }
> = {
  devices: { summary: 'list accelerators, with figures and sources', rows: deviceRows, text: deviceText },
  models: { summary: 'list models, with their shapes', rows: modelRows, text: modelText },
}

export function addListCommands(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  for (const [name, list] of Object.entries(lists)) {
    program
      .command(name)
      .summary(list.summary)
      .description(`${list.summary[0]!.toUpperCase()}${list.summary.slice(1)}.`)
      .option('--json', 'print one JSON document')
      .option('--plugin <file|package>', 'load these plugins too (repeatable)', collect)
      .action(async ({ json, plugin = [] }: ListFlags) => {
        const { registry, installed } = await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, plugins: plugin, ownFolder })
        const rows = list.rows(registry, installed)
        terminal.print(json ? `${JSON.stringify(rows, null, 2)}\n` : `${list.text(rows).join('\n')}\n`)
        done(exitCode.done)
      })
  }
}

function deviceRows(registry: Registry, installed: readonly InstalledPlugin[]): Row[] {
  const provided = registry
    .all(device)
    .map(({ plugin, provided }) => ({ ...specOf(provided), aliases: provided.aliases ?? [], description: provided.description, plugin }))
  const known = new Set(provided.map(({ name }) => name))
  return [...provided, ...installed.flatMap(bundledDevices).filter(({ name }) => !known.has(name))].sort(byName)
}

/** Devices of a bundle package: data, so nothing of it is run. */
function bundledDevices({ kind, folder, packageName, provides = [], description }: InstalledPlugin): { name: string }[] {
  if (kind !== 'bundle') return []
  const chips = new Map(findBundles(folder).map(({ manifest }) => [manifest.device, manifest.chip]))
  return provides.map((name) => ({ ...chips.get(name), name, aliases: [], description, plugin: packageName }))
}

/** A device's figures come with the device; one that can be built for no model yet still has a name. */
function specOf(provider: DeviceProvider): { name: string } {
  try {
    const options = provider.options.parse({})
    return { ...provider.build(options, { path: provider.name, model: '', tensorParallel: 1 }).spec, name: provider.name }
  } catch (error) {
    if (!isServesimError(error)) throw error
    return { name: provider.name }
  }
}

function deviceText(rows: Row[]): string[] {
  const columns = [
    left('Device'),
    right('GiB'),
    right('GB/s'),
    right('TFLOP/s'),
    right('fp8'),
    right('link GB/s'),
    right('W'),
    left('also called'),
  ]
  const figures = rows.map((row) => [
    String(row.name),
    scaled(row.memoryBytes, 2 ** 30),
    scaled(row.memoryBytesPerSecond, 1e9),
    scaled(row.bf16FlopPerSecond, 1e12),
    scaled(row.fp8FlopPerSecond, 1e12),
    scaled(row.linkBytesPerSecond, 1e9),
    scaled(row.thermalDesignPowerWatts, 1),
  ])
  // Other names take what is left of a line, and as many lines as they need.
  const used = Math.max(...table(columns.slice(0, -1), figures).map((line) => line.length)) + 2
  const lines = figures.flatMap((cells, i) =>
    wrap((rows[i]!.aliases as string[]).join(', '), 100 - used).map((names, j) =>
      j === 0 ? [...cells, names] : [...cells.map(() => ''), names],
    ),
  )
  const sources = rows
    .filter((row) => row.source !== undefined)
    .flatMap((row) => wrap(`${String(row.name)}: ${String(row.source)}`, 96, '  ').map((line) => `  ${line}`))
  return [...table(columns, lines), '', 'Sources', ...sources]
}

function modelRows(registry: Registry): Row[] {
  return registry
    .all(modelSource)
    .flatMap(({ plugin, provided }) =>
      provided.list().flatMap((id) => {
        const model = provided.resolve(id)
        if (model === undefined) return []
        const { shard: _, ...shape } = model
        const { weightBytes, kvBytesPerToken } = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
        return [{ ...shape, weightBytes, kvBytesPerToken, source: `${id}, config.json`, plugin }]
      }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function modelText(rows: Row[]): string[] {
  const columns = [
    left('Model'),
    right('params'),
    right('layers'),
    right('heads/KV'),
    right('experts'),
    right('GiB'),
    right('KV KiB/token'),
    right('context'),
  ]
  const cells = rows.map((row) => [
    String(row.id),
    `${scaled(row.parameters, 1e9)} B`,
    String(row.layers),
    `${String(row.heads)}/${String(row.kvHeads)}`,
    row.experts === 0 ? '' : `${String(row.expertsPerToken)} of ${String(row.experts)}`,
    scaled(row.weightBytes, 2 ** 30),
    scaled(row.kvBytesPerToken, 1024),
    String(row.maxModelLenTokens),
  ])
  return [...table(columns, cells), '', 'Shapes: each model’s config.json on Hugging Face. Any other model: --model path/to/config.json']
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1
}

function scaled(value: unknown, unit: number): string {
  return typeof value === 'number' ? number(value / unit) : ''
}

function left(title: string): Column {
  return { title, align: 'left' }
}

function right(title: string): Column {
  return { title, align: 'right' }
}
