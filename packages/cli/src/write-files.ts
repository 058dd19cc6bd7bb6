import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ServesimError } from '@servesim/core'

/** Makes a folder and its parents. @throws ServesimError SERVESIM_BAD_FILE */
export function makeFolder(path: string, written: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw unwritable(written, error)
  }
}

/**
 * Writes a file at once: whoever looks sees the old content or the new one, never a part.
 * @param pieces of its text, in order
 * @throws ServesimError SERVESIM_BAD_FILE
 */
export function writeFileAtOnce(path: string, pieces: Iterable<string>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    const file = openSync(temporary, 'w')
    try {
      for (const piece of pieces) writeSync(file, piece)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw unwritable(path, error)
  }
}

function unwritable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const reason = code === 'EEXIST' || code === 'ENOTDIR' ? 'A file stands in the way' : `It cannot be written (${code})`
  return new ServesimError('SERVESIM_BAD_FILE', path, `${reason}.`, 'Name another folder with -o.')
}
