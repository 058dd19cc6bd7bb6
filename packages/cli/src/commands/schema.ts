import { loadScenario, scenarioJsonSchema } from '@servesim/config'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { builtIn, ownFolder } from '../prepare-run.js'
import { collect } from '../run-flags.js'
import type { Terminal } from '../terminal.js'

export function addSchemaCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  program
    .command('schema')
    .summary('print the JSON Schema of scenario files')
    .description(
      'Prints the JSON Schema of scenario files, options of the installed plugins included. Name its file in "$schema", and editors complete and check.',
    )
    .option('--plugin <file|package>', 'plugins whose options it shall know too (repeatable)', collect)
    .action(async ({ plugin = [] }: { plugin?: string[] }) => {
      const { registry } = await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, plugins: plugin, ownFolder })
      terminal.print(`${JSON.stringify(scenarioJsonSchema(registry), null, 2)}\n`)
      done(exitCode.done)
    })
}
