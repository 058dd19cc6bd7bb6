import { basename, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  bundleFolder,
  checkInstalled,
  choicePoints,
  findProvider,
  forEachPool,
  type LoadedScenario,
  loadScenario,
  withDataFiles,
  withInstalledBundles,
} from '@servesim/config'
import { type Plugin, Registry, type SimulationInput } from '@servesim/core'
import { defaultScenario, presetDefault } from '@servesim/preset-default'
import { bundleChip } from '@servesim/profile'
import { bindFiles } from './bind-files.js'
import { deviceOf, findBundle, modelOf, wishOf } from './bundles.js'
import { calibratedTechniques, readCalibration } from './calibrate/calibration.js'
import { modelOfDeviceFolder, withDeviceFolders } from './device-folders.js'
import { type RunFlags, withFlags } from './run-flags.js'

/** A scenario ready to be built. */
export interface PreparedRun {
  name: string
  /** As one could write it down: files by their absolute paths. */
  scenario: Record<string, unknown>
  /** With what the files hold, and the plugins. */
  input: SimulationInput
}

/** A folder inside this package: plugins installed beside it are found too. */
export const ownFolder = fileURLToPath(new URL('.', import.meta.url))

export const builtIn: readonly Plugin[] = [presetDefault]

/**
 * From a scenario file and flags to a scenario that can be built: flags count more than the file, the file more than the defaults.
 * @throws ServesimError for everything that is wrong before the build
 */
export async function prepareRun(path: string | undefined, flags: RunFlags, cwd: string): Promise<PreparedRun> {
  const loaded = await loadScenario({
    path,
    cwd,
    defaults: defaultScenario,
    builtIn,
    plugins: flags.plugin ?? [],
    mentioned: mentionedIn(flags),
    ownFolder,
  })
  const flagged = withFlags(loaded.scenario, flags, loaded.registry, cwd)
  const named = withInstalledBundles(withCalibration(withName(flagged, loaded), flags, cwd), loaded.installed, loaded.registry) as Record<
    string,
    unknown
  >
  const located = withDataFiles(await withProfiles(named, loaded, flags, cwd), cwd) as Record<string, unknown>
  const scenario = await withModels(located, loaded, flags)
  const folders = await withDeviceFolders(scenario, loaded.registry)
  const bound = (await bindFiles(folders.scenario, loaded.registry)) as object
  const withFolders = new Registry([...loaded.plugins, ...folders.plugins])
  const plugins = [...loaded.plugins, ...folders.plugins, ...chipsOfBundles(bound, withFolders)]
  checkInstalled(folders.scenario, new Registry(plugins))
  return { name: scenario.name as string, scenario, input: { ...bound, plugins } as unknown as SimulationInput }
}

/** A model that nobody chose is that of the one bundle in the device's folder. */
async function withModels(scenario: Record<string, unknown>, { written, registry }: LoadedScenario, flags: RunFlags) {
  if (flags.model !== undefined) return scenario
  const writtenPools = Array.isArray(written.pools) ? (written.pools as Record<string, unknown>[]) : []
  const pools = scenario.pools as Record<string, unknown>[]
  const models = await Promise.all(
    pools.map((pool, i) => (writtenPools[i]?.model === undefined ? modelOfDeviceFolder(pool, registry) : undefined)),
  )
  if (models.every((model) => model === undefined)) return scenario
  return { ...scenario, pools: pools.map((pool, i) => (models[i] === undefined ? pool : { ...pool, model: models[i] })) }
}

/** Devices that no plugin provides, for pools whose bundle describes its chip. */
export function chipsOfBundles(scenario: { pools?: unknown }, registry: Registry): Plugin[] {
  const pools = Array.isArray(scenario.pools)
    ? (scenario.pools as { device?: { use?: unknown; bundle?: { manifest?: { chip?: unknown } } } }[])
    : []
  const names = pools.flatMap(({ device }) =>
    typeof device?.use === 'string' && device.bundle?.manifest?.chip !== undefined && !isInstalled(device.use, registry)
      ? [device.use]
      : [],
  )
  return [...new Set(names)].map(bundleChip)
}

function isInstalled(device: string, registry: Registry): boolean {
  return findProvider(registry, choicePoints.device!, device) !== undefined
}

/** Names in flags that a plugin may provide. */
function mentionedIn({ use = [], device, workload, set = [] }: RunFlags): string[] {
  const values = set.map((text) => text.slice(text.indexOf('=') + 1))
  return [...use, ...values, workload ?? '', device ?? ''].map((text) => text.split(':')[0]!)
}

/** Gives every pool what was fitted to a real server. */
function withCalibration(scenario: Record<string, unknown>, { calibration }: RunFlags, cwd: string): Record<string, unknown> {
  if (calibration === undefined) return scenario
  const fitted = readCalibration(resolve(cwd, calibration))
  return forEachPool(scenario, (pool) => ({
    ...pool,
    techniques: calibratedTechniques((pool.techniques as Record<string, unknown>[] | undefined) ?? [], fitted),
  })) as Record<string, unknown>
}

/** A scenario without a name is called after its file. */
function withName(scenario: unknown, { path, written }: LoadedScenario): Record<string, unknown> {
  const named = scenario as Record<string, unknown>
  if (path === undefined || written.name !== undefined) return named
  return { ...named, name: basename(path, extname(path)).replace(/^servesim(\.config)?$/, 'run') }
}

/** Gives every pool the bundle that fits it. A device or model that nobody chose is the bundle's. */
async function withProfiles(
  scenario: Record<string, unknown>,
  { written, registry }: LoadedScenario,
  flags: RunFlags,
  cwd: string,
): Promise<Record<string, unknown>> {
  if (flags.profile === undefined) return scenario
  const folders = flags.profile.map((folder) => bundleFolder(folder, cwd))
  const pools = scenario.pools as Record<string, unknown>[]
  const writtenPools = Array.isArray(written.pools) ? (written.pools as Record<string, unknown>[]) : []
  const changed = new Map<Record<string, unknown>, Record<string, unknown>>()
  for (const [i, pool] of pools.entries()) {
    const wish = wishOf(pool)
    const modelChosen = flags.model !== undefined || writtenPools[i]?.model !== undefined
    const deviceChosen = flags.device !== undefined || writtenPools[i]?.device !== undefined
    const found = await findBundle(
      folders,
      { ...wish, model: modelChosen ? wish.model : undefined, otherwiseModel: wish.model, device: deviceChosen ? wish.device : undefined },
      registry,
    )
    changed.set(pool, {
      ...pool,
      ...(!modelChosen && { model: modelOf(found.identity, registry) }),
      device: { use: deviceChosen ? wish.device : deviceOf(found.identity, registry), bundle: found.folder },
    })
  }
  return forEachPool(scenario, (pool) => changed.get(pool)!) as Record<string, unknown>
}
