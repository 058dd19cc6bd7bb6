import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadScenario } from '@servesim/config'
import { ServesimError } from '@servesim/core'
import { type ProfileProgress, type ProfileResult, probeCommand, profile } from '@servesim/profiler'
import { count, seconds, wrap } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { modelFor } from '../model-for.js'
import { builtIn, ownFolder } from '../prepare-run.js'
import { wholeNumber } from '../run-flags.js'
import type { Terminal } from '../terminal.js'

interface MeasureFlags {
  device: string
  model: string
  probe: string
  output: string
  tp: string
  dtype?: string
  maxNumBatchedTokens: string
  maxNumSeqs: string
  maxContext?: string
  targetError: string
  budget?: string
  timeout: string
  replace?: boolean
  fresh?: boolean
  skipFaulty?: boolean
}

const about = `Measures the operators of a model on an accelerator through a probe, a small program in the device's own framework, and
writes a bundle that \`servesim run --profile\` takes. A run that was killed goes on where it stopped.`

const examples = `
Examples:
  servesim profile --device my-card --model meta-llama/Llama-3.1-8B --probe torch -o bundles/my-card
  servesim profile --device my-cpu --model tiny/config.json --probe numpy --max-context 2048 -o bundles/my-cpu
  servesim profile --device acme-1 --model Qwen3-8B --tp 1,2 --probe "node acme-probe.mjs" --budget 30m -o bundles/acme-1
  servesim probe check ./acme-probe.mjs
`

/** What `servesim profile` does when no other of its commands is named. */
export function addMeasureCommand(profileCommand: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  profileCommand
    .command('measure', { isDefault: true })
    .summary('measure an accelerator and write a bundle (what `profile` alone does)')
    .description(about)
    .option('-d, --device <name>', 'name of the accelerator, such as h100-sxm or one of your own')
    .option('-m, --model <id|config.json>', 'Hugging Face id, or the path of a config.json')
    .option('--probe <probe>', 'torch, numpy, a file, or a command line in quotes')
    .option('-o, --output <dir>', 'folder of the bundle')
    .option('--tp <n,…>', 'tensor-parallel degrees, whose shapes one device measures', '1')
    .option('--dtype <type>', 'element type, such as bf16 (default: the model’s, where the probe offers it)')
    .optionsGroup('How far and how well:')
    .option('--max-num-batched-tokens <n>', 'most tokens of a step', '2048')
    .option('--max-num-seqs <n>', 'most sequences of a step', '256')
    .option('--max-context <n>', 'longest sequence in tokens (default: the model’s, at most 8192)')
    .option('--target-error <percent>', 'refine until no left-out point is further off, noise apart', '2')
    .option('--budget <time>', 'stop refining after so long: 90s, 30m, 2h')
    .optionsGroup('When things go wrong:')
    .option('--timeout <seconds>', 'longest wait for one answer of the probe', '120')
    .option('--skip-faulty', 'leave out points at which the probe fails twice')
    .option('--fresh', 'drop what an interrupted run measured')
    .option('--replace', 'replace the bundle that lies there once the new one is complete')
    .addHelpText('after', examples)
    .action(async (flags: Partial<MeasureFlags>) => {
      const missing = needed.filter((name) => flags[name] === undefined)
      // Asked for nothing, it shows what there is, like every command with others below it.
      if (missing.length === needed.length) profileCommand.help()
      if (missing.length > 0)
        throw new ServesimError(
          'SERVESIM_BAD_OPTION',
          'profile',
          `To measure, ${missing.map((name) => `--${name}`).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
          'servesim profile measure --help shows examples.',
        )
      done(await measure(flags as MeasureFlags, terminal))
    })
}

const needed = ['device', 'model', 'probe', 'output'] as const

async function measure(flags: MeasureFlags, terminal: Terminal): Promise<ExitCode> {
  const { registry } = await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, ownFolder })
  const { model, config } = modelFor(flags.model, terminal.cwd, registry)
  const maxContext =
    flags.maxContext === undefined ? Math.min(model.maxModelLenTokens, 8192) : wholeNumber(flags.maxContext, '--max-context')
  const abort = new AbortController()
  const interrupt = () => abort.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const show = progressOf(terminal)
  try {
    const result = await profile({
      device: flags.device,
      model,
      modelConfig: config,
      dtype: flags.dtype,
      tensorParallel: flags.tp.split(',').map((degree) => wholeNumber(degree, '--tp')),
      limits: {
        maxBatchedTokens: wholeNumber(flags.maxNumBatchedTokens, '--max-num-batched-tokens'),
        maxSequences: wholeNumber(flags.maxNumSeqs, '--max-num-seqs'),
        maxContext,
      },
      probe: probeCommand(flags.probe, terminal.cwd),
      probeName: flags.probe,
      timeouts: {
        helloMs: 1000 * Math.max(60, positive(flags.timeout, '--timeout')),
        measureMs: 1000 * positive(flags.timeout, '--timeout'),
      },
      output: resolve(terminal.cwd, flags.output),
      replace: flags.replace === true,
      fresh: flags.fresh === true,
      skipFaulty: flags.skipFaulty === true,
      targetErrorPct: positive(flags.targetError, '--target-error'),
      budgetMs: flags.budget === undefined ? undefined : milliseconds(flags.budget),
      release: releaseOf(),
      onProgress: show.progress,
      onNote: (sentence) => show.note(`${sentence}\n`),
      signal: abort.signal,
    })
    show.end()
    if (result === undefined) {
      terminal.note('Stopped. What was measured is kept: run the same command again to go on.\n')
      return exitCode.incomplete
    }
    terminal.print(textOf(result, flags.output))
    return exitCode.done
  } catch (error) {
    show.end()
    throw error
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** Of the servesim that is running, wherever it was started from. */
function releaseOf(): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
}

function positive(text: string, flag: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new ServesimError('SERVESIM_BAD_OPTION', flag, `"${text}" is no number above 0.`, 'Correct the value or leave the flag out.')
}

const unitsMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6 }

function milliseconds(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text.trim()) ?? []
  if (amount !== undefined && Number(amount) > 0) return Number(amount) * unitsMs[unit!]!
  throw new ServesimError('SERVESIM_BAD_OPTION', '--budget', `"${text}" is no time.`, 'Write, for example, 90s, 30m or 2h.')
}

const barWidth = 24
const loggedEveryMs = 5000

/** A line redrawn where somebody watches, else one every few seconds. */
function progressOf(terminal: Terminal) {
  let nextMs = performance.now() + loggedEveryMs
  let isOpen = false
  const line = ({ done, planned, leftMs, now, round }: ProfileProgress) => {
    const filled = Math.round((done / planned) * barWidth)
    const left = leftMs === undefined ? '' : `, ${seconds(Math.max(1, Math.round(leftMs / 1000)))} left`
    const what = round === 0 ? 'Profiling' : `Refining (round ${round})`
    return `${what} ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${done} of ${planned}${left}: ${now}`
  }
  return {
    progress(progress: ProfileProgress) {
      if (terminal.isWatched) {
        terminal.note(`\r${line(progress).slice(0, 118)}\u001b[K`)
        isOpen = true
      } else if (performance.now() >= nextMs) {
        terminal.note(`${line(progress)}\n`)
        nextMs = performance.now() + loggedEveryMs
      }
    },
    note(text: string) {
      terminal.note(`${isOpen ? '\n' : ''}${text}`)
      isOpen = false
    },
    end() {
      if (isOpen) terminal.note('\n')
      isOpen = false
    },
  }
}

function textOf(result: ProfileResult, output: string): string {
  const { measured, resumed, error, noise, outliers, repeats, skipped, throttled, unrefined, tookMs } = result
  const points = `${count(measured)} points measured in ${seconds(tookMs / 1000)}${resumed > 0 ? `, ${count(resumed)} taken over from an interrupted run` : ''}`
  const lines = [
    `${points}; ${count(repeats)} timings, ${count(outliers)} outliers`,
    `Left-out points (${count(error.points)}): median error ${error.medianPct.toFixed(2)} %, P90 ${error.p90Pct.toFixed(2)} %, worst ${error.worstPct.toFixed(1)} %`,
    `Noise of the medians: median ±${noise.medianPct.toFixed(2)} %, P90 ±${noise.p90Pct.toFixed(2)} %`,
    ...(throttled > 0 ? [`The device throttled at ${count(throttled)} points`] : []),
    ...(unrefined > 0
      ? [`${count(unrefined)} more points would bring more left-out points below the target; a longer --budget measures them`]
      : []),
    ...skipped.flatMap(({ name, why }) => wrap(`Not measured: ${name}: ${why}`, 98, '  ')),
    `Bundle in ${output}; simulate on it with: servesim run --profile ${output}`,
  ]
  return `${lines.join('\n')}\n`
}
