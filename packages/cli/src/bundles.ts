import { choicePoints, findProvider } from '@servesim/config'
import { device, type Model, modelSource, type Registry, ServesimError } from '@servesim/core'
import {
  type Bundle,
  type BundleIdentity,
  type BundleImporter,
  type BundleSelection,
  bundleImporter,
  type ImportContext,
  sameDevice,
  selectBundle,
} from '@servesim/profile'
import { findBundles, openBundle, ownImporters } from '@servesim/profile/node'

/** What a pool wants of a bundle; names that nobody chose are left to the bundle. */
export interface BundleWish {
  model: string | undefined
  /** Stands in where the folder holds several models and nobody chose one. */
  otherwiseModel?: string | undefined
  device: string | undefined
  tensorParallel: number
  kvCacheDtype?: string
  dtype?: string
  /** Release of the engine that is simulated: of several bundles that fit, the nearest is taken. */
  release?: string
}

/** A folder that holds what was wished for, and which of its bundles that is. */
export interface FoundBundle {
  folder: string
  identity: BundleIdentity
}

/** Importers of the registry, and those that come with `@servesim/profile`. */
export function importersOf(registry: Registry): BundleImporter[] {
  return [...ownImporters, ...registry.all(bundleImporter).map((entry) => entry.provided)]
}

/** What importers may ask: models by the registry's sources. */
export function importContextOf(registry: Registry): ImportContext {
  return {
    graph: (name, tensor) => resolveModel(name, registry)?.shard({ tensor, pipeline: 1, expert: 1 }, {}),
  }
}

/** Everything that a folder holds, in our format or in one that an importer reads. */
export async function listBundles(folder: string, importers: readonly BundleImporter[]): Promise<BundleIdentity[]> {
  const own = findBundles(folder)
  if (own.length > 0) return own.map((found) => found.manifest)
  for (const importer of importers) if (await importer.recognises(folder)) return importer.list(folder)
  return []
}

/**
 * The bundle that fits a wish; where several folders hold one, that of the nearest engine release.
 * @throws ServesimError of the first folder where none fits
 */
export async function findBundle(folders: readonly string[], wish: BundleWish, registry: Registry): Promise<FoundBundle> {
  const importers = importersOf(registry)
  const found: FoundBundle[] = []
  const errors: unknown[] = []
  for (const folder of folders) {
    try {
      const candidates = await listBundles(folder, importers)
      found.push({ folder, identity: selectBundle(candidates, selectionFor(candidates, wish, registry), folder) })
    } catch (error) {
      errors.push(error)
    }
  }
  const [first, ...others] = found
  if (first === undefined) throw errors[0]
  if (others.length === 0) return first
  const distances = await Promise.all(
    found.map(async (candidate) =>
      releaseDistance((await openFound(candidate, wish.tensorParallel, registry)).manifest.engine.release, wish.release),
    ),
  )
  return found[distances.indexOf(Math.min(...distances))]!
}

export function openFound({ folder, identity }: FoundBundle, tensorParallel: number, registry: Registry): Promise<Bundle> {
  const { device, model, dtype, kvCacheDtype } = identity
  return openBundle(folder, { device, model, dtype, kvCacheDtype, tensorParallel }, importersOf(registry), importContextOf(registry))
}

function selectionFor(candidates: readonly BundleIdentity[], wish: BundleWish, registry: Registry): BundleSelection {
  const { tensorParallel, dtype, kvCacheDtype } = wish
  const names = wish.device === undefined ? [] : namesOfDevice(wish.device, registry)
  const measuredAs = names.find((name) => candidates.some((candidate) => sameDevice(candidate.device, name))) ?? wish.device
  const onDevice = measuredAs === undefined ? candidates : candidates.filter((candidate) => sameDevice(candidate.device, measuredAs))
  const models = new Set(onDevice.map((candidate) => candidate.model))
  const model = wish.model ?? (models.size === 1 ? [...models][0] : wish.otherwiseModel)
  return {
    tensorParallel,
    ...(model !== undefined && { model: modelId(model, registry) }),
    ...(measuredAs !== undefined && { device: measuredAs }),
    ...(dtype !== undefined && { dtype }),
    ...(kvCacheDtype !== undefined && { kvCacheDtype }),
  }
}

function namesOfDevice(name: string, registry: Registry): string[] {
  const provider = findProvider(registry, choicePoints.device!, name)
  return provider === undefined ? [name] : [name, provider.name, ...(provider.aliases ?? [])]
}

/** Instruction-tuned variants are served by bundles of their base model, so a name is first resolved to its model's id. */
function modelId(name: string, registry: Registry): string {
  return resolveModel(name, registry)?.id ?? name
}

function resolveModel(name: string, registry: Registry): Model | undefined {
  for (const { provided } of registry.all(modelSource)) {
    const model = provided.resolve(name)
    if (model !== undefined) return model
  }
  return undefined
}

/**
 * Name of the device that a bundle was measured on: an installed one, or one that the bundle itself describes.
 * @throws ServesimError SERVESIM_UNKNOWN_NAME
 */
export function deviceOf(identity: BundleIdentity, registry: Registry): string {
  const found = registry
    .all(device)
    .map((entry) => entry.provided)
    .find((provider) => [provider.name, ...(provider.aliases ?? [])].some((name) => sameDevice(name, identity.device)))
  if (found !== undefined) return found.name
  if (identity.chip !== undefined) return identity.device
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    '--profile',
    `The bundle was measured on "${identity.device}", which no installed plugin provides.`,
    'Name the device with --device, install a plugin for it, or add the figures of its "chip" to bundle.json.',
  )
}

/** A bundle's model as a scenario names it: by its id, or as the bundle describes it where no installed source knows that. */
export function modelOf({ model, modelConfig }: Pick<BundleIdentity, 'model' | 'modelConfig'>, registry: Registry): string | object {
  const isKnown = registry.all(modelSource).some(({ provided }) => provided.resolve(model) !== undefined)
  return isKnown || modelConfig === undefined ? model : { ...modelConfig, _name_or_path: model }
}

/** How far two releases lie apart; 0.19.0 and 0.19 not at all. */
export function releaseDistance(a: string, b: string | undefined): number {
  if (b === undefined) return 0
  const minor = (release: string) => {
    const [major = 0, second = 0] = release.split('.').map(Number)
    return major * 1000 + second
  }
  const distance = Math.abs(minor(a) - minor(b))
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance
}

/** What a pool of a scenario, as written, wants of a bundle. */
export function wishOf(pool: Record<string, unknown>): BundleWish {
  const { device, model, parallelism, kvCacheDtype, scheduler } = pool as {
    device?: string | { use?: string }
    model?: string | { _name_or_path?: string }
    parallelism?: { tensor?: unknown }
    kvCacheDtype?: unknown
    scheduler?: { release?: unknown }
  }
  const tensor = parallelism?.tensor
  return {
    model: typeof model === 'string' ? model : model?._name_or_path,
    device: typeof device === 'string' ? device : device?.use,
    tensorParallel: typeof tensor === 'number' ? tensor : 1,
    ...(kvCacheDtype === 'fp8' && { kvCacheDtype }),
    ...(typeof scheduler?.release === 'string' && { release: scheduler.release }),
  }
}
