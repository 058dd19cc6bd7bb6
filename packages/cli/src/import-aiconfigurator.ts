import { basename, dirname } from 'node:path'
import { type Model, modelSource, type Registry, ServesimError } from '@servesim/core'
import { type Bundle, sameDevice } from '@servesim/profile'
import { importAiconfigurator, listSystems, readSystem, SystemTables } from '@servesim/profile/node'

export const aiconfiguratorName = 'aiconfigurator'

/** What `servesim profile import aiconfigurator` is told. */
export interface AiconfiguratorFlags {
  /** An id, or the content of a config.json. */
  model: string | Record<string, unknown>
  device?: string | undefined
  tensorParallel: readonly number[]
  engine: string
  release?: string | undefined
}

/**
 * A bundle of one model from AIConfigurator's tables of one system: kernels by shape, so that any model will do whose shapes they cover.
 * @param folder the database, or one system of it
 * @throws ServesimError naming the operator that the tables lack
 */
export async function bundleFromAiconfigurator(
  folder: string,
  { model: reference, device, tensorParallel, engine, release }: AiconfiguratorFlags,
  registry: Registry,
): Promise<{ bundle: Bundle; derived: string[] }> {
  const model = resolveModel(reference, registry)
  const tables = new SystemTables(systemOf(folder, device), engine)
  const bundles: Bundle[] = []
  const derived = new Set<string>()
  for (const degree of tensorParallel) {
    const graph = model.shard({ tensor: degree, pipeline: 1, expert: 1 }, {})
    const imported = await importAiconfigurator(tables, { model: model.id, graph, tensorParallel: degree, release })
    bundles.push(imported.bundle)
    for (const sentence of imported.derived) derived.add(sentence)
  }
  return { bundle: joined(bundles), derived: [...derived] }
}

/** One bundle of several degrees; what one of them had to derive counts as derived. */
function joined(bundles: readonly Bundle[]): Bundle {
  const [first] = bundles as [Bundle]
  const derived = Object.assign({}, ...bundles.map(({ manifest }) => manifest.derived))
  return {
    ...first,
    manifest: {
      ...first.manifest,
      tensorParallel: bundles.flatMap(({ manifest }) => manifest.tensorParallel) as [number, ...number[]],
      ...(Object.keys(derived).length > 0 && { derived }),
    },
    shards: bundles.flatMap(({ shards }) => shards),
  }
}

function systemOf(folder: string, device: string | undefined) {
  const [parent, here] = [dirname(folder), basename(folder)]
  if (listSystems(folder).length === 0 && listSystems(parent).includes(here)) return readSystem(parent, here)
  const systems = listSystems(folder)
  if (device === undefined) {
    if (systems.length === 1) return readSystem(folder, systems[0]!)
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      folder,
      systems.length === 0
        ? 'No system of AIConfigurator lies here: no .yaml beside a folder of its name.'
        : `${systems.length} systems lie here: ${systems.join(', ')}.`,
      systems.length === 0 ? 'Name the folder that holds h100_sxm.yaml and h100_sxm, or the like.' : 'Name one with --device.',
    )
  }
  // `h100` is h100_sxm, as people say it; the whole name counts first.
  const found = systems.find((name) => sameDevice(name, device)) ?? systems.find((name) => sameDevice(name.split('_')[0]!, device))
  return readSystem(folder, found ?? device)
}

function resolveModel(reference: string | Record<string, unknown>, registry: Registry): Model {
  for (const { provided } of registry.all(modelSource)) {
    const model = provided.resolve(reference)
    if (model !== undefined) return model
  }
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    '--model',
    `There is no model "${String(reference)}".`,
    'Name one that `servesim models` lists, or the path of its config.json.',
  )
}
