import { checkProbe, probeCommand } from '@servesim/profiler'
import { wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import type { Terminal } from '../terminal.js'

const timeouts = { helloMs: 60_000, measureMs: 30_000 }

export function addProbeCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const probe = program
    .command('probe')
    .summary('test a probe of your own')
    .description('Probes are the small programs through which `servesim profile` measures a device.')
  probe
    .command('check')
    .summary('try everything that the protocol asks of a probe')
    .description('Starts a probe and tries everything that the protocol asks of it, on small shapes.')
    .argument('<probe>', 'torch, numpy, a file, or a command line in quotes')
    .option('--json', 'print one JSON document')
    .action(async (text: string, flags: { json?: boolean }) => {
      const checks = await checkProbe(probeCommand(text, terminal.cwd), timeouts)
      const failed = checks.filter((check) => !check.ok).length
      if (flags.json) terminal.print(`${JSON.stringify({ schemaVersion: 1, checks, failed }, null, 2)}\n`)
      else {
        const lines = checks.flatMap(({ what, ok, said }) => wrap(`${ok ? 'ok    ' : 'FAILED'}  ${what}: ${said}`, 98, '        '))
        terminal.print(
          `${lines.join('\n')}\n${failed === 0 ? 'The probe speaks the protocol.' : `${failed} of ${checks.length} failed.`}\n`,
        )
      }
      done(failed === 0 ? exitCode.done : exitCode.badInput)
    })
}
