import { createReadStream } from 'node:fs'
import { isServesimError, ServesimError } from '@servesim/core'
import { type ReadTraceOptions, readTrace } from './read-trace.js'
import type { Trace } from './trace.js'

/** Large enough that the gaps between reads do not show. */
const PIECE_BYTES = 2 ** 20

/**
 * Reads a trace from a file, piece by piece.
 * @throws ServesimError SERVESIM_BAD_FILE where it cannot be opened, else as `parseTrace`
 */
export async function readTraceFile(path: string, options: Omit<ReadTraceOptions, 'source'> = {}): Promise<Trace> {
  try {
    return await readTrace(createReadStream(path, { highWaterMark: PIECE_BYTES }), { ...options, source: path })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (isServesimError(error) || code === undefined) throw error
    const reason =
      code === 'ENOENT'
        ? 'There is no such file'
        : code === 'EISDIR'
          ? 'This is a folder; expected a file'
          : `The file cannot be read (${code})`
    throw new ServesimError('SERVESIM_BAD_FILE', path, `${reason}.`, 'Give the path of a trace file, from the current folder on.')
  }
}
