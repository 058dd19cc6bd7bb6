import { ServesimError } from '@servesim/core'
import { number, percent, signedPercent, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { type ErrorSummary, type PointsValidation, validatePoints } from '../points/validate-points.js'
import { collect, wholeNumber } from '../run-flags.js'
import type { Terminal } from '../terminal.js'

interface PointsFlags {
  tables: string
  engine?: string
  limit?: string
  plugin?: string[]
  json?: boolean
}

const about = `Replays measured serving points (AIConfigurator’s silicon set) as their benchmarks ran them: a closed loop at the row’s concurrency with its
lengths, from the first burst to the last answer. Prices come from the operator tables of the row’s system. Rows that cannot be simulated are
refused with the reason.`

export function addPointsCommand(validate: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  validate
    .command('points')
    .summary('compare with measured serving points')
    .description(about)
    .argument('<csv>', 'rows of the silicon set')
    .requiredOption('--tables <dir>', 'operator tables: a folder with the .yaml file and the tables of each system')
    .option('--engine <name>', 'only rows of this engine, such as vllm')
    .option('--limit <n>', 'only the first so many rows')
    .option('--plugin <file|package>', 'load these plugins (repeatable)', collect)
    .option('--json', 'print one JSON document')
    // The parent has a flag of the same name, and takes it where the child does not look first.
    .action(async (csv: string, _own: unknown, command: Command) => {
      const flags = command.optsWithGlobals<PointsFlags>()
      if (flags.tables.trim() === '') throw new ServesimError('SERVESIM_BAD_OPTION', '--tables', 'No folder is named.')
      const validation = await validatePoints(csv, {
        cwd: terminal.cwd,
        tables: flags.tables,
        engine: flags.engine,
        limit: flags.limit === undefined ? undefined : wholeNumber(flags.limit, '--limit'),
        plugins: flags.plugin ?? [],
        onRow: progress(terminal),
      })
      if (terminal.isWatched) terminal.note('\r\u001b[K')
      terminal.print(flags.json ? `${JSON.stringify({ schemaVersion: 1, ...validation }, null, 2)}\n` : textOf(validation))
      done(exitCode.done)
    })
}

/** A line that is redrawn where somebody watches, else one every ten seconds. */
function progress(terminal: Terminal): (rows: number, total: number) => void {
  let nextMs = performance.now() + 10_000
  return (rows, total) => {
    if (terminal.isWatched) return terminal.note(`\rSimulating: ${rows} of ${total} rows\u001b[K`)
    if (performance.now() < nextMs) return
    nextMs += 10_000
    terminal.note(`Simulating: ${rows} of ${total} rows\n`)
  }
}

function textOf({ rows, groups, refusals }: PointsValidation): string {
  const right = (title: string) => ({ title, align: 'right' as const })
  const left = (title: string) => ({ title, align: 'left' as const })
  const simulated = rows.filter((row) => row.refused === null)
  const perRow = table(
    [
      left('Row'),
      right('TTFT ms'),
      right('simulated'),
      right('error'),
      right('TPOT ms'),
      right('simulated'),
      right('error'),
      right('extrapolated'),
    ],
    simulated.map((row) => [
      row.id.length > 48 ? `${row.id.slice(0, 47)}…` : row.id,
      number(row.measuredTtftMs),
      number(row.ttftMs!),
      signedPercent(row.ttftErrorPct!),
      number(row.measuredTpotMs),
      number(row.tpotMs!),
      signedPercent(row.tpotErrorPct!),
      percent(row.extrapolatedShare!),
    ]),
  )
  const cells = (summary: ErrorSummary | null) =>
    summary === null ? ['', '', ''] : [`${summary.mean.toFixed(1)} %`, `${summary.median.toFixed(1)} %`, signedPercent(summary.bias)]
  const perGroup = table(
    [
      left('Group'),
      right('rows'),
      right('refused'),
      right('TTFT |error|'),
      right('median'),
      right('bias'),
      right('TPOT |error|'),
      right('median'),
      right('bias'),
    ],
    groups.map(({ name, rows: count, refused, ttft, tpot }) => [name, String(count), String(refused), ...cells(ttft), ...cells(tpot)]),
  )
  const reasons = refusals.flatMap(({ reason, rows: count }) => wrap(`- ${count} × ${reason}`, 98, '  '))
  return `${[...perRow, '', ...perGroup, ...(reasons.length > 0 ? ['', 'Refused', ...reasons] : [])].join('\n')}\n`
}
