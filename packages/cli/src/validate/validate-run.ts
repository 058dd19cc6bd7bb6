import { resolve } from 'node:path'
import { forEachPool, loadScenario, withoutTechnique, withValueAt } from '@servesim/config'
import {
  createSimulation,
  type Plugin,
  type Registry,
  ServesimError,
  type Simulation,
  type SimulationInput,
  type SimulationResult,
} from '@servesim/core'
import { type Comparison, compare, errorSummary, type Figure } from '@servesim/report'
import { readTraceFile } from '@servesim/workload/node'
import { deviceOf, findBundle, openFound } from '../bundles.js'
import { builtIn, chipsOfBundles, ownFolder } from '../prepare-run.js'
import { measuredFigures } from './recorded-requests.js'
import type { RecordedSettings } from './recorded-settings.js'
import { type MeanStep, meanStep } from './recorded-steps.js'
import { type EngineSettings, openRecording, type Recording } from './recording.js'
import { replayScenario } from './replay-scenario.js'
import { findDataset, replayedTrace } from './replayed-trace.js'

/** Host time of a mixed step that the recorded runs of two machines show, 24–28 ms; see docs/fidelity.md. */
export const chosenMixedStepMs = 25

/** Element types of weights, as vLLM and as bundles call them. */
const bundleTypes: Readonly<Record<string, string>> = { bfloat16: 'bf16', float16: 'fp16', float32: 'fp32' }

export interface ValidateOptions {
  cwd: string
  profiles?: readonly string[]
  /** Dataset of the run, for the identity of its prompts; absent: looked for where the recording says. */
  workload?: string | undefined
  device?: string | undefined
  /** For files of load generators, which do not record the engine. */
  engine?: EngineSettings
  /** Absent: `chosenMixedStepMs`, or the bundle's own figure. */
  hostMixedStepMs?: number | undefined
  plugins?: readonly string[]
  /** Also simulates without each mechanism in turn. */
  ablate?: boolean
  /** Runs one simulation to its end; for progress. */
  run?(simulation: Simulation): void
}

export interface Errors {
  metrics: Comparison[]
  meanAbsErrorPct: number
  maxAbsErrorPct: number
}

export interface Validation extends Errors {
  settings: RecordedSettings
  result: SimulationResult
  /** Mean time of a step, where the recording has its steps. */
  step: MeanStep | undefined
  assumptions: string[]
  /** The same run without one mechanism each; empty unless asked for. */
  ablations: (Errors & { without: string })[]
}

/** A recording and the scenario that replays it. */
export interface PreparedReplay {
  recording: Recording
  scenario: Record<string, unknown>
  plugins: Plugin[]
  assumptions: string[]
}

/** @param folder with `config.json`, `vllm/meta.json` and `vllm/requests.jsonl`; or the file of a load generator, see `readClientRecording` */
export async function prepareReplay(folder: string, options: ValidateOptions): Promise<PreparedReplay> {
  const runFolder = resolve(options.cwd, folder)
  const recording = openRecording(folder, options.cwd, options.engine ?? {})
  const { settings, requests, latencyFrom } = recording
  const { registry, plugins: installed } = await loadScenario({
    path: undefined,
    cwd: ownFolder,
    defaults: {},
    builtIn,
    plugins: options.plugins ?? [],
    ownFolder,
  })
  const datasetPath =
    options.workload !== undefined
      ? resolve(options.cwd, options.workload)
      : settings.datasetPath && findDataset(runFolder, settings.datasetPath)
  const { trace, hasIdentity } = replayedTrace(requests, datasetPath ? await readTraceFile(datasetPath) : undefined)
  const { device, bundle } = await deviceAndBundle(settings, options, registry)
  const ownMs = bundle?.manifest.mixedStepHostMs
  const replay = replayScenario(
    {
      settings,
      latencyFrom,
      trace,
      hasIdentity,
      device,
      bundle,
      mixedStepMs: options.hostMixedStepMs ?? ownMs ?? chosenMixedStepMs,
      mixedStepIsChosen: options.hostMixedStepMs === undefined && ownMs === undefined && settings.hostStepMs === undefined,
    },
    registry,
  )
  return {
    recording,
    scenario: replay.scenario,
    plugins: [...installed, ...chipsOfBundles(replay.scenario, registry)],
    assumptions: [...recording.assumptions, ...replay.assumptions],
  }
}

/** Replays a recorded run and compares: the same requests at their recorded arrivals, the recorded engine settings. */
export async function validateRun(folder: string, options: ValidateOptions): Promise<Validation> {
  const { recording, scenario, plugins, assumptions } = await prepareReplay(folder, options)
  const measured = measuredFigures(recording.requests)
  const result = simulate(scenario, plugins, options)
  const errors = errorsOf(measured, result)
  const ablations = options.ablate
    ? mechanisms(scenario).map(({ without, scenario: other }) => ({ without, ...errorsOf(measured, simulate(other, plugins, options)) }))
    : []
  return {
    ...errors,
    settings: recording.settings,
    result,
    step: recording.folder === undefined ? undefined : meanStep(recording.folder, result),
    assumptions: [...assumptions, ...result.assumptions],
    ablations,
  }
}

async function deviceAndBundle(settings: RecordedSettings, options: ValidateOptions, registry: Registry) {
  const wanted = options.device ?? settings.device
  const folders = (options.profiles ?? []).map((profile) => resolve(options.cwd, profile))
  if (folders.length === 0) {
    if (wanted !== undefined) return { device: wanted, bundle: undefined }
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      '--device',
      'The recording does not say on which device it ran.',
      'Name it with --device, or give its operator latencies with --profile.',
    )
  }
  const dtype = bundleTypes[settings.dtype?.replace('torch.', '') ?? '']
  const wish = {
    model: settings.model,
    device: wanted,
    tensorParallel: settings.tensorParallel,
    release: settings.vllmRelease,
    ...(dtype !== undefined && { dtype }),
    ...(settings.kvCacheDtype !== undefined && { kvCacheDtype: settings.kvCacheDtype.startsWith('fp8') ? 'fp8' : 'auto' }),
  }
  const found = await findBundle(folders, wish, registry)
  return { device: wanted ?? deviceOf(found.identity, registry), bundle: await openFound(found, settings.tensorParallel, registry) }
}

function simulate(scenario: unknown, plugins: readonly Plugin[], { run }: ValidateOptions): SimulationResult {
  const simulation = createSimulation({ ...(scenario as object), plugins } as unknown as SimulationInput)
  if (run === undefined) return simulation.run()
  run(simulation)
  return simulation.result()
}

function errorsOf(measured: readonly Figure[], result: SimulationResult): Errors {
  const metrics = compare(measured, result.metrics)
  return { metrics, ...errorSummary(metrics) }
}

/** The scenario without each mechanism that is on in it. */
function mechanisms(scenario: Record<string, unknown>): { without: string; scenario: unknown }[] {
  const [pool] = scenario.pools as [{ scheduler: { asyncScheduling?: boolean }; techniques: { use: string }[] }]
  // How the run is split over replicas is no mechanism that could be left out.
  const techniques = pool.techniques
    .filter(({ use }) => use !== 'data-parallel')
    .map(({ use }) => ({ without: use, scenario: withoutTechnique(scenario, use) }))
  if (pool.scheduler.asyncScheduling === false) return techniques
  const synchronous = forEachPool(scenario, (one) => withValueAt(one, ['scheduler', 'asyncScheduling'], false) as Record<string, unknown>)
  return [{ without: 'async-scheduling', scenario: synchronous }, ...techniques]
}
