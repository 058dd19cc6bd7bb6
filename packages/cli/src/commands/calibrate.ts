import { resolve } from 'node:path'
import type { Command } from 'commander'
import { calibrate } from '../calibrate/calibrate.js'
import type { Calibration } from '../calibrate/calibration.js'
import { type ExitCode, exitCode } from '../exit-code.js'
import { collect } from '../run-flags.js'
import type { Terminal } from '../terminal.js'
import { writeFileAtOnce } from '../write-files.js'
import { addEngineFlags, type EngineFlags, engineOf } from './engine-flags.js'

interface CalibrateFlags extends EngineFlags {
  profile?: string[]
  device?: string
  plugin?: string[]
  output: string
  json?: boolean
}

const about = `Fits host time and two device efficiencies to recorded runs of a server, on two thirds of them, and writes a file that
\`servesim run --calibration\` takes. With three runs or more every third is held out, else every third request.`

export function addCalibrateCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const command = program
    .command('calibrate')
    .summary('fit host time and device efficiencies to recorded runs')
    .description(about)
    .argument('<run...>', 'recorded runs, as `servesim validate` takes them')
    .requiredOption('-o, --output <file>', 'calibration to write, JSON')
    .option('-p, --profile <dir>', 'operator latencies; without, the device is analytic', collect)
    .option('-d, --device <name>', 'accelerator (default: as recorded)')
    .option('--plugin <file|package>', 'load these plugins (repeatable)', collect)
    .option('--json', 'print the calibration')
  addEngineFlags(command).action(async (runs: string[], flags: CalibrateFlags) => {
    const { profile: profiles = [], device, plugin: plugins = [] } = flags
    const calibration = await calibrate(runs, { cwd: terminal.cwd, profiles, device, plugins, engine: engineOf(flags) })
    const text = `${JSON.stringify(calibration, null, 2)}\n`
    writeFileAtOnce(resolve(terminal.cwd, flags.output), [text])
    terminal.print(flags.json ? text : textOf(calibration, flags.output))
    done(exitCode.done)
  })
}

function textOf({ techniques, fit }: Calibration, output: string): string {
  const { requests, heldOutRequests, heldOut, beforePct, errorPct } = fit
  const options = techniques.map(({ use, source: _, ...rest }) => {
    const values = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
    return `${use}: ${values.join(', ')}`
  })
  const line = (name: string, count: number, before: number, after: number) =>
    `${name.padEnd(10)}${String(count).padStart(9)}${`${before.toFixed(2)} %`.padStart(12)}${`${after.toFixed(2)} %`.padStart(12)}`
  return [
    'Mean absolute error over TTFT, TPOT and latency',
    '',
    `${''.padEnd(10)}${'requests'.padStart(9)}${'before'.padStart(12)}${'calibrated'.padStart(12)}`,
    line('fitted to', requests, beforePct.fitted, errorPct.fitted),
    line('held out', heldOutRequests, beforePct.heldOut, errorPct.heldOut),
    '',
    `Held out: ${heldOut}`,
    ...options,
    `Calibration in ${output}; use it with: servesim run --calibration ${output}`,
    '',
  ].join('\n')
}
