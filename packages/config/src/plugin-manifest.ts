import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import * as core from '@servesim/core'
import { type Manifest, readManifest } from './package-folders.js'
import { isObject } from './path.js'

/** What a package's manifest says of the plugin in it; nothing of it has been run. */
export interface InstalledPlugin {
  packageName: string
  version: string
  description: string
  folder: string
  /** What it provides to, such as `router`; `bundle`: a device as data. Undefined where the manifest does not say. */
  kind: string | undefined
  /** Contract of that extension point that it was built for. */
  contract: number | undefined
  /** Names it provides; undefined where the manifest does not say. */
  provides: string[] | undefined
  /** File that `import` would load; undefined for a bundle, which is never run. */
  entry: string | undefined
}

const keyword = 'servesim-plugin'

/** Every extension point that core exports. */
const points = (Object.values(core) as unknown[]).filter(isPoint)

/** Contract of the extension point of each kind in this core; kinds of other packages are theirs. */
const contracts = new Map(points.map(({ id, contract }) => [kindOf(id), contract]))

/** Kinds that a scenario names providers of, which a short name is looked for under. */
export const kinds = points.filter(({ cardinality }) => cardinality === 'named').map(({ id }) => kindOf(id))

function isPoint(value: unknown): value is core.Point<unknown> {
  return isObject(value) && typeof value.id === 'string' && typeof value.contract === 'number'
}

function kindOf(id: string): string {
  return id.slice(id.indexOf('/') + 1)
}

export function isMarked(manifest: Manifest): boolean {
  return (Array.isArray(manifest.keywords) && manifest.keywords.includes(keyword)) || isObject(manifest.servesim)
}

/** @returns undefined where the folder holds no package */
export function describePackage(folder: string): InstalledPlugin | undefined {
  const manifest = readManifest(folder)
  if (manifest === undefined) return undefined
  const { kind, contract, provides } = isObject(manifest.servesim) ? manifest.servesim : {}
  const real = realpathSync(folder)
  return {
    packageName: text(manifest.name),
    version: text(manifest.version),
    description: text(manifest.description),
    folder: real,
    kind: typeof kind === 'string' ? kind : undefined,
    contract: typeof contract === 'number' ? contract : undefined,
    provides: Array.isArray(provides) ? provides.filter((name) => typeof name === 'string') : undefined,
    entry: kind === 'bundle' ? undefined : join(real, entryOf(manifest)),
  }
}

/**
 * Refuses a plugin that was built for another contract, before any of its code runs.
 * @throws ServesimError SERVESIM_CONTRACT_MISMATCH
 */
export function checkContract(plugin: InstalledPlugin): void {
  const sentence = contractMismatch(plugin)
  if (sentence === undefined) return
  const { packageName, version } = plugin
  throw new core.ServesimError(
    'SERVESIM_CONTRACT_MISMATCH',
    `plugins.${packageName}`,
    sentence,
    `Install a release of ${packageName} for this core (${version} is not), or the core that it was built for.`,
  )
}

/** The sentence on a plugin of another contract; undefined where all is well. */
export function contractMismatch({ packageName, version, kind, contract }: InstalledPlugin): string | undefined {
  const own = kind === undefined ? undefined : contracts.get(kind)
  if (own === undefined || contract === undefined || contract === own) return undefined
  return `Plugin ${packageName}@${version} was built for contract ${contract} of servesim/${kind}; expected ${own}, which this core has.`
}

/** Node's own resolver has no way to start from another folder and with the `import` condition, so `exports` is read here. */
function entryOf({ exports, main }: Manifest): string {
  const root = isObject(exports) && '.' in exports ? exports['.'] : exports
  return conditional(root) ?? (typeof main === 'string' ? main : 'index.js')
}

function conditional(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (Array.isArray(target)) return target.map(conditional).find((found) => found !== undefined)
  if (!isObject(target)) return undefined
  for (const [condition, inner] of Object.entries(target)) {
    const found = ['node', 'import', 'default'].includes(condition) ? conditional(inner) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
