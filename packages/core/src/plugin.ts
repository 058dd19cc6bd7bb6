import { nearMatches, ServesimError } from './errors.js'
import {
  admission,
  clusterTechnique,
  controller,
  type DeviceProvider,
  decode,
  device,
  eviction,
  expertLoad,
  fabric,
  group,
  journey,
  kvIndex,
  kvTier,
  modelSource,
  network,
  type OptionsSchema,
  type Point,
  type Provider,
  router,
  type SchedulerProvider,
  scheduler,
  stepCost,
  type TechniqueProvider,
  technique,
  workload,
} from './points/index.js'

/** A plugin only provides: nothing is read, opened or computed in `setup`, and the order of plugins changes nothing. */
export interface Plugin {
  readonly name: string
  /** Plugins this one brings along; a preset is little more than such a list. */
  readonly plugins?: readonly Plugin[]
  setup(host: PluginHost): void
}

export interface PluginHost {
  /** The overloads give `build` the type of its own options. */
  provide<Schema extends OptionsSchema>(point: Point<SchedulerProvider>, provided: SchedulerProvider<Schema>): void
  provide<Schema extends OptionsSchema>(point: Point<TechniqueProvider>, provided: TechniqueProvider<Schema>): void
  provide<Schema extends OptionsSchema>(point: Point<DeviceProvider>, provided: DeviceProvider<Schema>): void
  provide<Part, Context, Schema extends OptionsSchema>(
    point: Point<Provider<Part, Context>>,
    provided: Provider<Part, Context, Schema>,
  ): void
  provide<Provided>(point: Point<Provided>, provided: Provided): void
}

export function definePlugin(name: string, setup: (host: PluginHost) => void, plugins: readonly Plugin[] = []): Plugin {
  return { name, plugins, setup }
}

/** Every point that this core offers, by id. */
const ownPoints = new Map<string, Point<unknown>>(
  [
    decode,
    admission,
    clusterTechnique,
    controller,
    device,
    eviction,
    expertLoad,
    fabric,
    group,
    journey,
    kvIndex,
    kvTier,
    modelSource,
    network,
    router,
    scheduler,
    stepCost,
    technique,
    workload,
  ].map((p) => [p.id, p as Point<unknown>]),
)

interface Provision {
  point: Point<unknown>
  provided: unknown
}

/** What a plugin provides never changes, and making it anew would compile its option schemas anew. */
const provisions = new WeakMap<Plugin, Provision[]>()

function provisionsOf(plugin: Plugin): Provision[] {
  const known = provisions.get(plugin)
  if (known !== undefined) return known
  const made: Provision[] = []
  plugin.setup({ provide: (point: Point<unknown>, provided: unknown) => made.push({ point, provided }) })
  provisions.set(plugin, made)
  return made
}

interface Entry {
  plugin: string
  provided: unknown
}

/** What the installed plugins provide, by point. Installed is not active: the scenario chooses. */
export class Registry {
  private readonly entries = new Map<string, Entry[]>()
  private readonly loaded = new Map<string, Plugin>()

  constructor(plugins: readonly Plugin[]) {
    for (const plugin of plugins) this.load(plugin)
    // The order of plugins must change nothing: chains without a name order, and near matches, follow the plugin's name.
    for (const list of this.entries.values()) list.sort((a, b) => (a.plugin < b.plugin ? -1 : a.plugin > b.plugin ? 1 : 0))
  }

  get pluginNames(): string[] {
    return [...this.loaded.keys()].sort()
  }

  private load(plugin: Plugin): void {
    const known = this.loaded.get(plugin.name)
    if (known !== undefined) {
      if (known === plugin || known.setup === plugin.setup || String(known.setup) === String(plugin.setup)) return
      throw new ServesimError(
        'SERVESIM_PLUGIN_CONFLICT',
        'plugins',
        `Two different plugins are called "${plugin.name}".`,
        'Rename one of them.',
      )
    }
    this.loaded.set(plugin.name, plugin)
    for (const inner of plugin.plugins ?? []) this.load(inner)
    for (const { point, provided } of provisionsOf(plugin)) this.add(plugin.name, point, provided)
  }

  private add(plugin: string, point: Point<unknown>, provided: unknown): void {
    const own = ownPoints.get(point.id)
    if (own !== undefined && own.contract !== point.contract) {
      throw new ServesimError(
        'SERVESIM_CONTRACT_MISMATCH',
        `plugins.${plugin}`,
        `Plugin "${plugin}" was built for contract ${point.contract} of ${point.id}; this core has contract ${own.contract}.`,
        `Install a version of "${plugin}" for this core.`,
      )
    }
    const list = this.entries.get(point.id) ?? []
    this.entries.set(point.id, list)
    for (const name of namesOf(provided)) {
      const other = list.find((e) => namesOf(e.provided).includes(name))
      if (other !== undefined && point.cardinality === 'named') {
        throw new ServesimError(
          'SERVESIM_PLUGIN_CONFLICT',
          `plugins.${plugin}`,
          `"${plugin}" and "${other.plugin}" both provide "${name}" at ${point.id}.`,
          'Leave one of them out.',
        )
      }
    }
    list.push({ plugin, provided })
  }

  /** Everything provided at a point. */
  all<Provided>(point: Point<Provided>): { plugin: string; provided: Provided }[] {
    return (this.entries.get(point.id) ?? []) as { plugin: string; provided: Provided }[]
  }

  /** The provider of that name. @throws ServesimError SERVESIM_UNKNOWN_NAME with near matches and the package to install */
  named<Provided extends { name: string }>(point: Point<Provided>, name: string, path: string): Provided {
    const list = this.all(point)
    const lower = name.toLowerCase()
    const found = list.find((e) => namesOf(e.provided).some((n) => n.toLowerCase() === lower))
    if (found !== undefined) return found.provided
    const kind = point.id.split('/').at(-1)!
    const known = list.map((e) => e.provided.name).sort()
    const near = nearMatches(
      name,
      list.flatMap((e) => namesOf(e.provided)),
    )
    const installed = known.length === 0 ? 'none is installed' : `installed: ${known.join(', ')}`
    throw new ServesimError(
      'SERVESIM_UNKNOWN_NAME',
      path,
      `There is no ${kind} "${name}"; ${installed}.`,
      near.length > 0
        ? `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?`
        : `Install @servesim/${kind}-${lower}, if there is such a package, and add it to the plugins.`,
    )
  }
}

/** A provider's name and, where it has them, its aliases. */
function namesOf(provided: unknown): string[] {
  const { name, aliases } = provided as { name?: string; aliases?: readonly string[] }
  return [...(name === undefined ? [] : [name]), ...(aliases ?? [])]
}
