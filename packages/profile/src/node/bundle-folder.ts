import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ServesimError } from '@servesim/core'
import type { Bundle } from '../bundle.js'
import { formatBundle, manifestFile, parseBundle, readManifest } from '../bundle-files.js'
import type { BundleManifest } from '../manifest.js'
import { findFolders, readIfPresent } from './files.js'

/** Folders below a container that are looked through for bundles: device, organisation, model, variant. */
const containerDepth = 4

/**
 * @param folder holds `bundle.json`
 * @param tensorParallel reads this degree alone
 * @throws ServesimError SERVESIM_BAD_BUNDLE
 */
export function readBundle(folder: string, tensorParallel?: number): Bundle {
  return parseBundle((file) => readIfPresent(join(folder, file)), folder, tensorParallel)
}

/** Every bundle at or below a folder, in order of path. */
export function findBundles(folder: string): { folder: string; manifest: BundleManifest }[] {
  return findFolders(folder, (path) => existsSync(join(path, manifestFile)), containerDepth).map((path) => {
    const { tables: _, ...manifest } = readManifest((file) => readIfPresent(join(path, file)), path)
    return { folder: path, manifest }
  })
}

/**
 * Writes a bundle at once: whoever looks sees the old folder or the new one, never a part.
 * @param folder made anew; its parents are made where they lack
 * @param files further ones, by path below the folder: what a reader of the tables passes over
 * @throws ServesimError SERVESIM_BAD_FILE where the folder exists and `replace` is not set, or holds something that is no bundle
 */
export function writeBundle(
  bundle: Bundle,
  folder: string,
  { replace = false, files: others = {} }: { replace?: boolean; files?: Record<string, string> } = {},
): void {
  const target = resolve(folder)
  if (existsSync(target)) {
    if (!existsSync(join(target, manifestFile)))
      throw new ServesimError(
        'SERVESIM_BAD_FILE',
        folder,
        'The folder exists and is no bundle.',
        'Name another folder: nothing here is overwritten.',
      )
    if (!replace)
      throw new ServesimError('SERVESIM_BAD_FILE', folder, 'A bundle lies here already.', 'Name another folder, or replace it on purpose.')
  }
  mkdirSync(dirname(target), { recursive: true })
  const fresh = mkdtempSync(join(dirname(target), `.${basename(target)}-`))
  const files = join(fresh, 'new')
  try {
    for (const [path, text] of Object.entries({ ...others, ...formatBundle(bundle) })) {
      mkdirSync(dirname(join(files, path)), { recursive: true })
      writeFileSync(join(files, path), text)
    }
    const old = join(fresh, 'old')
    if (existsSync(target)) renameSync(target, old)
    try {
      renameSync(files, target)
    } catch (error) {
      if (existsSync(old)) renameSync(old, target)
      throw error
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/**
 * Puts back what a writer that was killed between its two renames left aside, and removes what it left half written.
 * @param folder that nobody else writes to now
 */
export function recoverBundle(folder: string): void {
  const target = resolve(folder)
  const parent = dirname(target)
  if (!existsSync(parent)) return
  // As `mkdtempSync` in `writeBundle` names them.
  const isLeft = (name: string) => name.startsWith(`.${basename(target)}-`) && name.length === basename(target).length + 8
  for (const name of readdirSync(parent).filter(isLeft)) {
    const old = join(parent, name, 'old')
    if (!existsSync(target) && existsSync(join(old, manifestFile))) renameSync(old, target)
    rmSync(join(parent, name), { recursive: true, force: true })
  }
}
