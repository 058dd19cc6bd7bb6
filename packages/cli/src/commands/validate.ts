import { ServesimError } from '@servesim/core'
import { type Comparison, comparisonTable, number, percent, signedPercent, table, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { runWithProgress } from '../progress.js'
import { collect } from '../run-flags.js'
import type { Terminal } from '../terminal.js'
import { chosenMixedStepMs, type Validation, validateRun } from '../validate/validate-run.js'
import { addEngineFlags, type EngineFlags, engineOf } from './engine-flags.js'
import { addPointsCommand } from './validate-points.js'

interface ValidateFlags extends EngineFlags {
  profile?: string[]
  workload?: string
  device?: string
  hostMixedStepMs?: string
  plugin?: string[]
  ablate?: boolean
  json?: boolean
}

const about = `Replays a recorded run, the same requests at their recorded arrivals under the recorded settings, and compares
TTFT, TPOT and latency, on both sides from the same instant: when the engine took a request in, or, for the file of a load generator, when it was sent.`

export function addValidateCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const command = program
    .command('validate')
    .summary('compare with a recorded run')
    .description(about)
    .argument(
      '[run]',
      'folder with config.json, vllm/meta.json and vllm/requests.jsonl; or a file of `vllm bench serve --save-detailed` or AIPerf',
    )
    .option('-p, --profile <dir...>', 'operator latencies; without, the device is analytic')
    .option('-w, --workload <file>', 'dataset of the run, for the identity of its prompts (default: where meta.json says)')
    .option('-d, --device <name>', 'accelerator (default: as recorded)')
    .option(
      '--host-mixed-step-ms <ms>',
      `host work of a step with prefill that no CUDA graph covers (default: the bundle’s, else ${chosenMixedStepMs})`,
    )
    .option('--plugin <file|package>', 'load these plugins (repeatable)', collect)
    .option('--ablate', 'also simulate without each mechanism in turn')
    .option('--json', 'print one JSON document')
  addEngineFlags(command).action(async (run: string | undefined, flags: ValidateFlags) => {
    const { folder, profiles } = withPositional(run, flags.profile ?? [])
    const validation = await validateRun(folder, {
      cwd: terminal.cwd,
      profiles,
      workload: flags.workload,
      device: flags.device,
      engine: engineOf(flags),
      hostMixedStepMs: milliseconds(flags.hostMixedStepMs),
      plugins: flags.plugin ?? [],
      ablate: flags.ablate === true,
      run: (simulation) => runWithProgress(simulation, terminal),
    })
    terminal.print(flags.json ? `${JSON.stringify(documentOf(validation), null, 2)}\n` : textOf(folder, validation))
    done(exitCode.done)
  })
  addPointsCommand(command, terminal, done)
}

/** `--profile a b run`: a flag that takes several folders also takes the one behind them. */
function withPositional(run: string | undefined, profiles: readonly string[]): { folder: string; profiles: readonly string[] } {
  if (run !== undefined) return { folder: run, profiles }
  const last = profiles.at(-1)
  if (last !== undefined && profiles.length > 1) return { folder: last, profiles: profiles.slice(0, -1) }
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    'validate',
    'No recorded run is named.',
    'Give the folder of one: servesim validate <run> --profile <dir>.',
  )
}

function milliseconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 10_000) return value
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    '--host-mixed-step-ms',
    `"${text}" is no time; expected milliseconds, 0 to 10000.`,
    'Correct the value or leave the flag out.',
  )
}

function documentOf({ metrics, meanAbsErrorPct, maxAbsErrorPct, settings, result, step, assumptions, ablations }: Validation) {
  const { requests, steps, cachedTokens, promptTokens } = result
  return {
    schemaVersion: 1,
    metrics,
    meanAbsErrorPct,
    maxAbsErrorPct,
    settings,
    requests,
    steps,
    ...(step !== undefined && { step }),
    tokens: { prompt: promptTokens, cached: cachedTokens },
    assumptions,
    ablations,
  }
}

function textOf(folder: string, validation: Validation): string {
  const { settings, result, step, metrics, meanAbsErrorPct, maxAbsErrorPct, assumptions, ablations } = validation
  const hits = result.promptTokens > 0 ? result.cachedTokens / result.promptTokens : 0
  const lines = [
    `${folder}: ${settings.model}, vLLM ${settings.vllmRelease}, TP ${settings.tensorParallel}`,
    `${result.requests.finished} of ${result.requests.arrived} requests finished; ${percent(hits)} of prompt tokens from the prefix cache`,
    '',
    ...comparisonTable(metrics),
    ...(step === undefined
      ? []
      : [
          `Mean step ${number(step.measuredMs)} ms measured (${step.measured}), ${number(step.simulatedMs)} ms simulated (${step.simulated}), ${signedPercent(step.errorPct)}`,
        ]),
    '',
    `Mean absolute error ${number(meanAbsErrorPct)} %, largest ${number(maxAbsErrorPct)} %, over ${metrics.length} figures`,
  ]
  if (ablations.length > 0) lines.push('', ...ablationTable(validation))
  if (assumptions.length > 0)
    lines.push('', 'Assumptions', ...assumptions.flatMap((sentence) => wrap(`- ${sentence}`, 96, '  ').map((line) => `  ${line}`)))
  return `${lines.join('\n')}\n`
}

/** A row per figure, a column per mechanism that was left out. */
function ablationTable({ metrics, meanAbsErrorPct, maxAbsErrorPct, ablations }: Validation): string[] {
  const columns = [
    { title: 'Error without', align: 'left' as const },
    ...['(nothing)', ...ablations.map((a) => a.without)].map((title) => ({ title, align: 'right' as const })),
  ]
  const all = [{ metrics, meanAbsErrorPct, maxAbsErrorPct }, ...ablations]
  const error = (comparisons: readonly Comparison[], { metric, stat }: Comparison) =>
    signedPercent(comparisons.find((c) => c.metric === metric && c.stat === stat)?.errorPct ?? Number.NaN)
  const rows = metrics.map((figure) => [`${figure.metric} ${figure.stat}`, ...all.map((one) => error(one.metrics, figure))])
  const summary = [
    ['mean absolute', ...all.map((one) => `${one.meanAbsErrorPct.toFixed(2)} %`)],
    ['largest', ...all.map((one) => `${one.maxAbsErrorPct.toFixed(2)} %`)],
  ]
  return table(columns, [...rows, ...summary])
}
