import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServesimError } from '@servesim/core'

/** @returns undefined where there is no such file */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw unreadable(path, error)
  }
}

/**
 * Names of the folders in a folder, sorted; hidden ones left out.
 * @throws ServesimError SERVESIM_BAD_FILE where `path` is no folder that can be read
 */
export function subfolders(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort()
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Folders at or below `path` that `found` accepts, in order of their names; it does not look into those. */
export function findFolders(path: string, found: (folder: string) => boolean, depth: number): string[] {
  if (found(path)) return [path]
  if (depth === 0) return []
  return subfolders(path).flatMap((name) => findFolders(join(path, name), found, depth - 1))
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function unreadable(path: string, error: unknown): ServesimError {
  const why = isMissing(error) ? 'There is no such folder.' : `It cannot be read: ${(error as Error).message}.`
  return new ServesimError('SERVESIM_BAD_FILE', path, why, 'Check the path and its permissions.')
}
