import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addCalibrateCommand } from './commands/calibrate.js'
import { addListCommands } from './commands/list.js'
import { addPluginsCommand } from './commands/plugins.js'
import { addProbeCommand } from './commands/probe.js'
import { addProfileCommand } from './commands/profile.js'
import { addRunCommand } from './commands/run.js'
import { addSchemaCommand } from './commands/schema.js'
import { addSensitivityCommand } from './commands/sensitivity.js'
import { addValidateCommand } from './commands/validate.js'
import type { ExitCode } from './exit-code.js'
import type { Terminal } from './terminal.js'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

/** The command line. @param done called by a command that ran to its end */
export function createProgram(terminal: Terminal, done: (code: ExitCode) => void): Command {
  const program = new Command('servesim')
  program
    .description('Simulates LLM serving: latency, throughput and memory of an inference cluster before you build it.')
    .version(version, '-v, --version')
    .option('--debug', 'print the stack of unforeseen errors')
    .configureOutput({ writeOut: terminal.print, writeErr: terminal.note })
    .configureHelp({ helpWidth: 100 })
    .showHelpAfterError('`servesim --help` and `servesim <command> --help` tell more.')
    .exitOverride()
  addRunCommand(program, terminal, done)
  addValidateCommand(program, terminal, done)
  addSensitivityCommand(program, terminal, done)
  addCalibrateCommand(program, terminal, done)
  addProfileCommand(program, terminal, done)
  addProbeCommand(program, terminal, done)
  addListCommands(program, terminal, done)
  addPluginsCommand(program, terminal, done)
  addSchemaCommand(program, terminal, done)
  return program
}
