import { type ErrorCode, isServesimError } from '@servesim/core'

export const exitCode = { done: 0, incomplete: 1, badInput: 2 } as const
export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

/** Errors in which the input was fine and the simulation was not. */
const incomplete: readonly ErrorCode[] = ['SERVESIM_STALLED', 'SERVESIM_BROKEN_INVARIANT']

export interface Failure {
  code: ExitCode
  /** What to write to stderr. */
  text: string
}

/** @param debug adds the stack of an error that nobody foresaw */
export function failureOf(error: unknown, debug: boolean): Failure {
  if (isServesimError(error)) {
    return { code: incomplete.includes(error.code) ? exitCode.incomplete : exitCode.badInput, text: `${error.format()}\n` }
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const line = `${message.split('\n')[0]}\nThis is a defect of servesim or of a plugin: please report it${debug ? '' : ' with the output of --debug'}.\n`
  return { code: exitCode.incomplete, text: debug ? `${line}${stack ?? ''}\n` : line }
}
