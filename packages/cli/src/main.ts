import { CommanderError } from 'commander'
import { type ExitCode, exitCode, failureOf } from './exit-code.js'
import { createProgram } from './program.js'
import { processTerminal, type Terminal } from './terminal.js'

/** Runs one command line, without the program's name. @returns the exit code: 0 done, 1 the simulation could not complete, 2 bad input */
export async function main(args: readonly string[], terminal: Terminal = processTerminal()): Promise<ExitCode> {
  let code: ExitCode = exitCode.done
  try {
    await createProgram(terminal, (reported) => {
      code = reported
    }).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    // Commander has printed its message, with near matches, or the help: asked for, or shown where no command was named.
    if (error instanceof CommanderError) return error.exitCode === 0 || error.code === 'commander.help' ? exitCode.done : exitCode.badInput
    const failure = failureOf(error, args.includes('--debug'))
    terminal.note(failure.text)
    return failure.code
  }
}
