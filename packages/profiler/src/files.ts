import { ServesimError } from '@servesim/core'

/** An error of the file system in words; anything else is passed through. */
export function fileError(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined || (error as { servesim?: boolean }).servesim === true) return error
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      `There is no room left to write (${code}).`,
      'What was measured before is kept. Free some space and run the same command: it goes on from there.',
    )
  return new ServesimError('SERVESIM_BAD_FILE', path, `It cannot be read or written (${code}).`, 'Check the path and its permissions.')
}
