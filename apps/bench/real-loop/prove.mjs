// Profiles this machine's CPU, serves a trace on it for real, and holds the simulation against the log, several times in turn:
//   node apps/bench/real-loop/prove.mjs [--repetitions 5] [--requests 100] [--rate 4] [--budget 60s] [--quiet [core]] [--output <dir>]
// --quiet runs both ahead of everything else on one core, as far as this user may (quiet.sh). SERVESIM_PYTHON names the Python.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url))
const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '5' },
    requests: { type: 'string', default: '100' },
    rate: { type: 'string', default: '4' },
    budget: { type: 'string', default: '60s' },
    quiet: { type: 'string' },
    output: { type: 'string' },
  },
})
const python = process.env.SERVESIM_PYTHON ?? 'python3'
const folder = values.output ?? mkdtempSync(join(tmpdir(), 'servesim-real-loop-'))
const model = here('small-llama/config.json')
const limits = { batchedTokens: '256', sequences: '16', context: '384' }
const ahead = values.quiet === undefined ? [] : ['sh', here('quiet.sh'), values.quiet]
const probe = [...ahead, python, '-u', here('../../../packages/profiler/probes/numpy_probe.py'), '--threads', '1', '--room', limits.context]
const servesim = [process.execPath, here('../../../packages/cli/bin.js')]

/** @param {string[]} command */
function run([command = '', ...args]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${error ?? ''}${stderr}`)
  return stdout
}

/**
 * On a busy machine the budget may end before the plan: the same command goes on.
 * @param {string[]} command
 */
function measured(command) {
  for (let attempt = 1; ; attempt++) {
    try {
      return run(command)
    } catch (error) {
      if (attempt === 4 || !String(error).includes('The budget ended')) throw error
    }
  }
}

/** @param {number[]} numbers */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
/** @param {number} value */
const percent = (value) => `${value > 0 ? '+' : ''}${value.toFixed(2)} %`.padStart(9)

/** @type {{ step: any, mean: any, p99: any }[]} */
const repetitions = []
for (let i = 1; i <= Number(values.repetitions); i++) {
  const [bundle, log] = [join(folder, `bundle-${i}`), join(folder, `run-${i}`)]
  rmSync(bundle, { recursive: true, force: true })
  const measure = ['profile', '--device', 'this-cpu', '--model', model, '--probe', probe.join(' '), '-o', bundle, '--budget', values.budget]
  const reach = ['--max-num-batched-tokens', limits.batchedTokens, '--max-num-seqs', limits.sequences, '--max-context', limits.context]
  measured([...servesim, ...measure, ...reach, '--target-error', '5'])
  const load = ['--requests', values.requests, '--rate', values.rate, '--max-model-len', limits.context, '--device', 'this-cpu']
  // A session of its own, as the profiler gives its probe.
  run(['setsid', ...ahead, python, here('real_loop.py'), '--model', model, '--output', log, ...load])
  const { step, metrics } = JSON.parse(run([...servesim, 'validate', log, '--profile', bundle, '--json']))
  const ttft = (/** @type {string} */ stat) => metrics.find((/** @type {any} */ m) => m.metric === 'ttft' && m.stat === stat)
  const one = { step, mean: ttft('mean'), p99: ttft('p99') }
  repetitions.push(one)
  console.log(
    `${i}: step ${step.measuredMs.toFixed(3)} ms ${percent(step.errorPct)}   TTFT mean ${one.mean.measured.toFixed(2)} ms ${percent(one.mean.errorPct)}   ` +
      `TTFT P99 ${one.p99.measured.toFixed(1)} ms ${percent(one.p99.errorPct)}   load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  )
}

/**
 * @param {string} name
 * @param {number[]} errors
 * @param {number[]} measured
 * @param {number} limitPct
 */
function verdict(name, errors, measured, limitPct) {
  const spread = ((Math.max(...measured) - Math.min(...measured)) / median(measured)) * 100
  const error = median(errors)
  const isWithin = Math.abs(error) <= limitPct
  console.log(
    `${name.padEnd(12)} median error ${percent(error)} (${isWithin ? 'within' : 'NOT within'} ${limitPct} %); own spread of the runs ${spread.toFixed(1)} %`,
  )
  return isWithin
}

const all = [
  verdict(
    'mean step',
    repetitions.map((r) => r.step.errorPct),
    repetitions.map((r) => r.step.measuredMs),
    5,
  ),
  verdict(
    'TTFT mean',
    repetitions.map((r) => r.mean.errorPct),
    repetitions.map((r) => r.mean.measured),
    5,
  ),
  verdict(
    'TTFT P99',
    repetitions.map((r) => r.p99.errorPct),
    repetitions.map((r) => r.p99.measured),
    10,
  ),
]
if (values.output === undefined) rmSync(folder, { recursive: true })
process.exitCode = all.every(Boolean) ? 0 : 1
