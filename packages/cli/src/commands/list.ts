import { findInstalledPlugins, loadScenario } from '@servesim/config'
import {
  type DeviceProvider,
  device,
  eviction,
  fabric,
  isServesimError,
  modelSource,
  network,
  type Point,
  type Registry,
  router,
  scheduler,
  technique,
  workload,
} from '@servesim/core'
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
const lists: Record<string, { summary: string; rows(registry: Registry, cwd: string): Row[]; text(rows: Row[]): string[] }> = {
  devices: { summary: 'list accelerators, with figures and sources', rows: deviceRows, text: deviceText },
  models: { summary: 'list models, with their shapes', rows: modelRows, text: modelText },
  plugins: { summary: 'list what is installed, by extension point', rows: pluginRows, text: pluginText },
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
        const { registry } = await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, plugins: plugin, ownFolder })
        const rows = list.rows(registry, terminal.cwd)
        terminal.print(json ? `${JSON.stringify(rows, null, 2)}\n` : `${list.text(rows).join('\n')}\n`)
        done(exitCode.done)
      })
  }
}

function deviceRows(registry: Registry): Row[] {
  return registry
    .all(device)
    .map(({ plugin, provided }) => ({ ...specOf(provided), aliases: provided.aliases ?? [], description: provided.description, plugin }))
    .sort(byName)
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
    right('memory GiB'),
    right('GB/s'),
    right('bf16 TFLOP/s'),
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
    (row.aliases as string[]).join(', '),
  ])
  const sources = rows
    .filter((row) => row.source !== undefined)
    .flatMap((row) => wrap(`${String(row.name)}: ${String(row.source)}`, 96, '  ').map((line) => `  ${line}`))
  return [...table(columns, figures), '', 'Sources', ...sources]
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

const points: Record<string, Point<{ name: string }>> = { device, scheduler, technique, eviction, router, network, fabric, workload }

function pluginRows(registry: Registry, cwd: string): Row[] {
  const loaded = Object.entries(points).flatMap(([point, token]) =>
    registry
      .all(token)
      .map(({ plugin, provided }) => ({
        point,
        name: provided.name,
        description: (provided as { description?: string }).description ?? '',
        plugin,
      }))
      .sort(byName),
  )
  const known = new Set(loaded.map((row) => row.name))
  // Packages whose manifest names other providers than those that are loaded: installed, and loaded when a scenario names them.
  const installed = findInstalledPlugins(cwd, ownFolder)
    .filter(({ provides }) => provides?.some((name) => !known.has(name)))
    .map(({ packageName, provides, description }) => ({ point: 'installed', name: provides!.join(', '), description, plugin: packageName }))
  return [...loaded, ...installed]
}

function pluginText(rows: Row[]): string[] {
  const cells = rows.flatMap((row, i) => {
    const point = row.point === rows[i - 1]?.point ? '' : String(row.point)
    return wrap(String(row.description), 66).map((line, j) => (j === 0 ? [point, String(row.name), line] : ['', '', line]))
  })
  return table([left('Point'), left('Name'), left('What it does')], cells)
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
