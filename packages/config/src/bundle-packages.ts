import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Registry } from '@servesim/core'
import { choicePoints, findProvider } from './choices.js'
import { findDependency } from './find-plugins.js'
import { isObject } from './path.js'
import type { InstalledPlugin } from './plugin-manifest.js'
import { forEachPool } from './use.js'

/**
 * Gives pools whose device no plugin provides, and an installed bundle package does, that package's folder: data is read where it lies,
 * and nothing of the package is run. A device that a plugin provides stays as it is, since installed is not active.
 */
export function withInstalledBundles(scenario: unknown, installed: readonly InstalledPlugin[], registry: Registry): unknown {
  return forEachPool(scenario, (pool) => {
    const { device } = pool
    const name = isObject(device) ? device.use : device
    if (typeof name !== 'string' || (isObject(device) && device.bundle !== undefined)) return pool
    if (findProvider(registry, choicePoints.device!, name) !== undefined) return pool
    const bundle = installed.find(
      (one) => one.kind === 'bundle' && one.provides?.some((known) => known.toLowerCase() === name.toLowerCase()),
    )
    if (bundle === undefined) return pool
    const spelt = bundle.provides!.find((known) => known.toLowerCase() === name.toLowerCase())!
    return { ...pool, device: { ...(isObject(device) && device), use: spelt, bundle: bundle.folder } }
  })
}

/** Folder of a bundle that a person named: a path, else a bundle package that the project depends on. */
export function bundleFolder(reference: string, folder: string): string {
  const path = resolve(folder, reference)
  if (existsSync(path)) return path
  const found = findDependency(folder, reference)
  return found?.kind === 'bundle' ? found.folder : path
}
