import {
  examinePlugins,
  type Finding,
  findBuiltInPlugins,
  findInstalledPlugins,
  type InstalledPlugin,
  loadScenario,
} from '@servesim/config'
import * as core from '@servesim/core'
import { type Column, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { builtIn, ownFolder } from '../prepare-run.js'
import { collect } from '../run-flags.js'
import type { Terminal } from '../terminal.js'

interface PluginFlags {
  json?: boolean
  plugin?: string[]
}

/** A package with plugins, as its manifest has it. */
interface PackageRow extends Pick<InstalledPlugin, 'kind' | 'contract' | 'version' | 'description'> {
  package: string
  provides: string[]
  /** Whose dependency it is. */
  from: 'project' | 'servesim'
}

interface ProviderRow {
  point: string
  name: string
  description: string
  plugin: string
}

/** `servesim plugins` and `servesim plugins doctor`. */
export function addPluginsCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const plugins = program
    .command('plugins')
    .summary('list installed plugins and what they provide')
    .description('Lists installed plugins: kind, version, contract, what each provides. Only manifests of your project are read.')
    .option('--json', 'print one JSON document')
    .option('--plugin <file|package>', 'load these plugins too (repeatable)', collect)
    .action(async ({ json, plugin = [] }: PluginFlags) => {
      const { registry } = await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, plugins: plugin, ownFolder })
      const listing = { packages: packageRows(terminal.cwd), providers: providerRows(registry) }
      terminal.print(json ? `${JSON.stringify(listing, null, 2)}\n` : `${listingText(listing).join('\n')}\n`)
      done(exitCode.done)
    })
  plugins
    .command('doctor')
    .summary('explain conflicts among them')
    .description('Looks for conflicts among installed plugins and explains them. Exits with 1 where there is one.')
    .option('--json', 'print one JSON document')
    .action((_flags: PluginFlags, command: Command) => {
      const { json } = command.optsWithGlobals<PluginFlags>()
      const findings = examinePlugins(terminal.cwd, ownFolder)
      terminal.print(
        json ? `${JSON.stringify(findings, null, 2)}\n` : `${findingsText(findings, packageRows(terminal.cwd).length).join('\n')}\n`,
      )
      done(findings.some(({ severity }) => severity === 'conflict') ? exitCode.incomplete : exitCode.done)
    })
}

function packageRows(cwd: string): PackageRow[] {
  const own = findInstalledPlugins(cwd, ownFolder)
  const names = new Set(own.map(({ packageName }) => packageName))
  const came = findBuiltInPlugins(ownFolder).filter(({ packageName }) => !names.has(packageName))
  const row =
    (from: PackageRow['from']) =>
    ({ packageName, version, kind, contract, provides = [], description }: InstalledPlugin): PackageRow => ({
      package: packageName,
      version,
      kind,
      contract,
      provides,
      description,
      from,
    })
  const sorted = (rows: PackageRow[]) => rows.sort((a, b) => (a.package < b.package ? -1 : 1))
  return [...sorted(own.map(row('project'))), ...sorted(came.map(row('servesim')))]
}

const points = (Object.values(core) as core.Point<{ name: string; description: string }>[]).filter(
  (value) => typeof value.contract === 'number' && value.cardinality === 'named',
)

function providerRows(registry: core.Registry): ProviderRow[] {
  return points.flatMap((point) =>
    registry
      .all(point)
      .map(({ plugin, provided: { name, description } }) => ({ point: point.id.split('/')[1]!, name, description, plugin }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  )
}

function listingText({ packages, providers }: { packages: PackageRow[]; providers: ProviderRow[] }): string[] {
  const named = providers.flatMap((row, i) => {
    const point = row.point === providers[i - 1]?.point ? '' : row.point
    return wrap(row.description, 56).map((line, j) => (j === 0 ? [point, row.name, line] : ['', '', line]))
  })
  return [
    ...packagesText(
      'Your project',
      packages.filter(({ from }) => from === 'project'),
    ),
    ...packagesText(
      'Came with servesim',
      packages.filter(({ from }) => from === 'servesim'),
    ),
    ...table([left('Point'), left('Name'), left('What it does')], named),
    '',
    'Plugins of your project are loaded when a scenario names what they provide.',
  ]
}

function packagesText(title: string, packages: readonly PackageRow[]): string[] {
  if (packages.length === 0) return []
  const cells = packages.flatMap((row) =>
    wrap(row.provides.join(', '), 26).map((line, j) =>
      j === 0 ? [row.package, `${row.kind ?? 'not said'} ${row.contract ?? ''}`.trim(), row.version, line] : ['', '', '', line],
    ),
  )
  return [...table([left(title), left('kind, contract'), left('version'), left('provides')], cells), '']
}

function findingsText(findings: readonly Finding[], packageCount: number): string[] {
  if (findings.length === 0) return [`${packageCount} packages, no conflict.`]
  return findings.flatMap(({ severity, message, hint }, i) => [
    ...(i === 0 ? [] : ['']),
    ...wrap(`${severity === 'conflict' ? 'Conflict' : 'Notice'}: ${message}`, 96),
    ...wrap(`Hint: ${hint}`, 96),
  ])
}

function left(title: string): Column {
  return { title, align: 'left' }
}
