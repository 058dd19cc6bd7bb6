import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, extname, isAbsolute, join } from 'node:path'
import { forEachPool } from '@servesim/config'
import { type DeviceProvider, definePlugin, device, isServesimError, type Plugin, type Registry, ServesimError } from '@servesim/core'
import { memoryFromIni, pimProvider } from '@servesim/device-pim'
import { acceleratorFromJson, acceleratorProvider } from '@servesim/roofline'
import { type BundleWish, deviceOf, type FoundBundle, findBundle, importersOf, listBundles, wishOf } from './bundles.js'

const figuresFile = 'device.json'

/** A device that is a folder: figures in `device.json`, or bundles, or both. */
interface DeviceFolder {
  folder: string
  /** Provides the chip of `device.json`; undefined where there is none. */
  chip: { name: string; plugin: Plugin } | undefined
}

/**
 * A scenario whose devices may be folders, by absolute path, with devices by name in their place, and the plugins of their chips.
 * Bundles in a folder are used for the models that they were measured with; other models run on the figures alone.
 */
export async function withDeviceFolders(scenario: unknown, registry: Registry): Promise<{ scenario: unknown; plugins: Plugin[] }> {
  const pools = (scenario as { pools?: unknown }).pools
  if (!Array.isArray(pools)) return { scenario, plugins: [] }
  const devices = new Map<string, DeviceFolder>()
  const changed = new Map<unknown, Record<string, unknown>>()
  for (const pool of pools as Record<string, unknown>[]) {
    const folder = folderOf(pool.device)
    if (folder === undefined) continue
    const known = devices.get(folder) ?? readDeviceFolder(folder)
    devices.set(folder, known)
    const found = await bundleOf(known, wishOf({ ...pool, device: undefined }), registry)
    const options = typeof pool.device === 'string' ? {} : (pool.device as object)
    const use = known.chip?.name ?? deviceOf(found!.identity, registry)
    changed.set(pool, { ...pool, device: { ...options, use, ...(found !== undefined && { bundle: folder }) } })
  }
  const named = changed.size === 0 ? scenario : forEachPool(scenario, (pool) => changed.get(pool) ?? pool)
  return { scenario: named, plugins: [...devices.values()].flatMap(({ chip }) => chip?.plugin ?? []) }
}

/** Model of the one bundle in a pool's device folder; undefined where the device is no folder or holds none or several. */
export async function modelOfDeviceFolder(pool: Record<string, unknown>, registry: Registry): Promise<string | undefined> {
  const folder = folderOf(pool.device)
  if (folder === undefined || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined
  const models = new Set((await listBundles(folder, importersOf(registry))).map(({ model }) => model))
  return models.size === 1 ? [...models][0] : undefined
}

function folderOf(choice: unknown): string | undefined {
  const name = typeof choice === 'string' ? choice : (choice as { use?: unknown } | undefined)?.use
  return typeof name === 'string' && isAbsolute(name) ? name : undefined
}

function readDeviceFolder(path: string): DeviceFolder {
  if (extname(path) === '.ini') return readMemory(path)
  // The file may be named itself.
  const folder = basename(path) === figuresFile ? join(path, '..') : path
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new ServesimError('SERVESIM_BAD_FILE', folder, 'There is no such folder.', 'Name a folder with a device.json or a bundle.')
  const file = join(folder, figuresFile)
  if (!existsSync(file)) return { folder, chip: undefined }
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ServesimError('SERVESIM_BAD_FILE', file, `The file is cut off or no JSON: ${(error as Error).message}.`, 'Correct it.')
  }
  return { folder, chip: chipOf(acceleratorProvider(acceleratorFromJson(content, basename(folder), file))) }
}

/** A DRAM simulator's description of a memory. */
function readMemory(path: string): DeviceFolder {
  if (!existsSync(path)) throw new ServesimError('SERVESIM_BAD_FILE', path, 'There is no such file.', 'Name the .ini of a memory.')
  const provider = pimProvider(memoryFromIni(readFileSync(path, 'utf8'), basename(path), path))
  return { folder: path, chip: chipOf(provider) }
}

function chipOf(provider: DeviceProvider): { name: string; plugin: Plugin } {
  return { name: provider.name, plugin: definePlugin(`device-folder-${provider.name}`, (host) => host.provide(device, provider)) }
}

/** @throws ServesimError where nothing fits and no figures stand in */
async function bundleOf({ folder, chip }: DeviceFolder, wish: BundleWish, registry: Registry): Promise<FoundBundle | undefined> {
  if (!statSync(folder).isDirectory()) return undefined
  try {
    return await findBundle([folder], wish, registry)
  } catch (error) {
    if (chip !== undefined && isServesimError(error) && error.path === folder) return undefined
    if (chip === undefined && isServesimError(error) && error.code === 'SERVESIM_BAD_BUNDLE' && error.path === folder)
      throw new ServesimError(
        'SERVESIM_BAD_FILE',
        folder,
        'The folder holds neither a device.json nor a bundle.',
        'Name a folder with one of them.',
      )
    throw error
  }
}
