import { formatFigure, Registry, ServesimError } from '@servesim/core'
import { number, signedPercent, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { builtIn } from '../prepare-run.js'
import { runWithProgress } from '../progress.js'
import { addScenarioFlags, type RunFlags } from '../run-flags.js'
import { type Sensitivity, type Service, sensitivity } from '../sensitivity.js'
import type { Terminal } from '../terminal.js'

const about = `Makes each figure of the chip better in turn and says what that buys: TTFT and TPOT at the load as stated, throughput when
all requests are there at once. Measured latencies are scaled by the roofline of each operator.`

export function addSensitivityCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const command = program
    .command('sensitivity')
    .summary('which figure of the chip buys how much')
    .description(about)
    .argument('[config]', 'scenario, as for run')
    .option('--by <share>', 'how much better each figure gets: 10%, or a factor such as 2x', '10%')
    .option('--json', 'print one JSON document')
  addScenarioFlags(command, new Registry(builtIn)).action(async (config: string | undefined, flags: RunFlags & { by: string }) => {
    const found = await sensitivity(config, flags, terminal.cwd, factorOf(flags.by), (simulation) => runWithProgress(simulation, terminal))
    terminal.print(flags.json ? `${JSON.stringify({ schemaVersion: 1, ...found }, null, 2)}\n` : textOf(found))
    done(exitCode.done)
  })
}

function factorOf(text: string): number {
  const [, digits, unit] = /^\s*([\d.]+)\s*(%|x)\s*$/.exec(text) ?? []
  const factor = unit === '%' ? 1 + Number(digits) / 100 : Number(digits)
  if (Number.isFinite(factor) && factor > 0 && factor !== 1 && factor <= 1e3) return factor
  throw new ServesimError('SERVESIM_BAD_OPTION', '--by', `"${text}" is no change; expected a share or a factor.`, 'Write 10% or 2x.')
}

function textOf({ device, factor, base, saturated, figures, leftOut }: Sensitivity): string {
  const columns = [
    { title: `Figure of ${device}`, align: 'left' as const },
    { title: 'now', align: 'right' as const },
    { title: `× ${Number(factor.toFixed(4))}`, align: 'right' as const },
    ...['TTFT', 'TPOT', 'throughput'].map((title) => ({ title, align: 'right' as const })),
  ]
  const change = (of: keyof Service, service: Service) => signedPercent((service[of] / base[of] - 1) * 100)
  const gain = ({ service }: (typeof figures)[number]) =>
    base.ttftMs / service.ttftMs + base.tpotMs / service.tpotMs + service.outputTokensPerSecond / base.outputTokensPerSecond
  const rows = figures
    .toSorted((a, b) => gain(b) - gain(a))
    .map(({ figure, now, changed, service }) => [
      figure,
      formatFigure(figure, now).replace(' in one direction', ''),
      formatFigure(figure, changed).replace(' in one direction', ''),
      change('ttftMs', service),
      change('tpotMs', service),
      change('outputTokensPerSecond', service),
    ])
  const today = [
    'as it is',
    '',
    '',
    `${number(base.ttftMs)} ms`,
    `${number(base.tpotMs)} ms`,
    `${number(base.outputTokensPerSecond)} tokens/s`,
  ]
  const notes = [
    saturated
      ? 'TTFT and TPOT: means at the load as stated. Throughput: output tokens per second with all requests there at once.'
      : 'The workload has no rate that could be raised: throughput is that of the load as stated.',
    'linkBytesPerSecond counts one direction.',
    ...leftOut.map(({ figure, reason }) => `${figure} left out: ${reason}`),
  ]
  return `${[...table(columns, [today, ...rows]), '', ...notes.flatMap((note) => wrap(`- ${note}`, 98, '  '))].join('\n')}\n`
}
