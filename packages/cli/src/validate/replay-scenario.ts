import { choicePoints, findProvider } from '@servesim/config'
import { modelSource, type Registry, ServesimError } from '@servesim/core'
import type { Bundle } from '@servesim/profile'
import type { Trace } from '@servesim/workload'
import { z } from 'zod'
import { modelOf, releaseDistance } from '../bundles.js'
import type { RecordedSettings } from './recorded-settings.js'

/** The scenario that replays a recording, and what had to be assumed for it. */
export interface ReplayScenario {
  scenario: Record<string, unknown>
  assumptions: string[]
}

export interface ReplayInput {
  settings: RecordedSettings
  latencyFrom: 'arrival' | 'queued'
  trace: Trace
  hasIdentity: boolean
  device: string
  bundle: Bundle | undefined
  /** Host work of a mixed step, ms; `isChosen` where it was found by looking at runs. */
  mixedStepMs: number
  mixedStepIsChosen: boolean
}

/** @throws ServesimError SERVESIM_CAPABILITY_MISMATCH for what cannot be simulated yet */
export function replayScenario(input: ReplayInput, registry: Registry): ReplayScenario {
  const { settings, trace, device, bundle } = input
  refuseDividedExperts(settings, registry)
  const release = nearestRelease(settings.vllmRelease, registry)
  const scenario = {
    name: 'validate',
    latencyFrom: input.latencyFrom,
    workload: { use: 'trace', trace },
    ...(settings.dataParallel > 1 && { router: expertsAreShared(settings) ? frontEnd : denseFrontEnd }),
    pools: [
      {
        model: modelOf({ model: settings.model, modelConfig: bundle?.manifest.modelConfig }, registry),
        device: { use: device, ...(bundle !== undefined && { bundle }) },
        count: settings.dataParallel,
        parallelism: { tensor: settings.tensorParallel, expert: expertRanks(settings) },
        scheduler: {
          use: 'vllm',
          release,
          ...present({
            maxNumSeqs: settings.maxNumSeqs,
            maxNumBatchedTokens: settings.maxNumBatchedTokens,
            blockSizeTokens: settings.blockSizeTokens,
            asyncScheduling: settings.asyncScheduling,
            enableChunkedPrefill: settings.enableChunkedPrefill,
            longPrefillTokenThreshold: settings.longPrefillTokenThreshold,
          }),
        },
        ...((settings.tensorParallel > 1 || expertRanks(settings) > 1) && { network: networkOf(settings, bundle) }),
        techniques: techniquesOf(settings, input),
        kvCacheDtype: settings.kvCacheDtype?.startsWith('fp8') ? 'fp8' : 'auto',
        memory: present({ gpuMemoryUtilization: settings.gpuMemoryUtilization, numGpuBlocksOverride: settings.numGpuBlocks }),
        ...present({ maxModelLenTokens: settings.maxModelLen }),
      },
    ],
  }
  return { scenario, assumptions: assumptionsOf(input, release) }
}

function techniquesOf(settings: RecordedSettings, { mixedStepMs }: ReplayInput): Record<string, unknown>[] {
  const { cudaGraphMode, maxCaptureSize, captureSizes } = settings
  const hasGraphs = settings.enforceEager !== true && cudaGraphMode !== 'NONE'
  const mode = cudaGraphMode === 'PIECEWISE' ? 'piecewise' : undefined
  return [
    ...(settings.enablePrefixCaching === false ? [] : [{ use: 'prefix-caching' }]),
    ...(hasGraphs ? [{ use: 'cuda-graphs', ...present({ mode, maxCaptureSize, captureSizes }) }] : []),
    { use: 'host-time', ...hostTimesOf(settings, mixedStepMs) },
    { use: 'decode-straggler' },
    ...(expertsAreShared(settings) ? [{ use: 'data-parallel', ranks: settings.dataParallel, expertLoad: 'recorded' }] : []),
  ]
}

/** As the recorder measured them, else what is known of this engine. */
function hostTimesOf({ hostStepMs, hostPerSequenceUs }: RecordedSettings, mixedStepMs: number): Record<string, number> {
  if (hostStepMs === undefined) return { mixedStepMs }
  return { mixedStepMs: hostStepMs, decodeStepMs: hostStepMs, perSequenceUs: hostPerSequenceUs ?? 0 }
}

/** vLLM's front end balances on counts that the coordinator publishes every 100 ms (`DPCoordinator`), 4 × waiting + running. */
const frontEnd = { use: 'least-loaded', waitingWeight: 4, viewAgeMs: 100 }

/** Only replicas that step together report their counts since vLLM 0.14: others are served in turn. */
const denseFrontEnd = { use: 'round-robin' }

/** Whether replicas share their experts, and so step together. */
function expertsAreShared({ expertParallel, dataParallel }: RecordedSettings): boolean {
  return expertParallel && dataParallel > 1
}

/** Without expert parallelism vLLM divides every expert over the ranks of all replicas. */
function refuseDividedExperts({ model, dataParallel, expertParallel }: RecordedSettings, registry: Registry): void {
  if (dataParallel === 1 || expertParallel) return
  const known = registry.all(modelSource).map(({ provided }) => provided.resolve(model))
  if (!known.some((one) => one !== undefined && one.experts > 0)) return
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    'meta.json: data_parallel_size',
    `The run was recorded with every expert of ${model} divided over ${dataParallel} replicas, which servesim does not simulate yet.`,
    'Validate against a run with expert parallelism.',
  )
}

/** Ranks over which the run divided the experts. */
function expertRanks({ expertParallel, tensorParallel, dataParallel }: RecordedSettings): number {
  return expertParallel ? tensorParallel * dataParallel : 1
}

/** A curve measured under another release belongs to another state of the machine; the link that the run recorded stands in for it. */
function networkOf({ vllmRelease, linkBytesPerSecond }: RecordedSettings, bundle: Bundle | undefined): Record<string, unknown> {
  const curveRelease = bundle?.manifest.collectivesRelease
  if (
    bundle !== undefined &&
    bundle.collectives.length > 0 &&
    curveRelease !== undefined &&
    releaseDistance(curveRelease, vllmRelease) === 0
  )
    return { use: 'analytical' }
  return {
    use: 'analytical',
    curve: 'never',
    ...present({ bandwidthGBps: linkBytesPerSecond === undefined ? undefined : linkBytesPerSecond / 1e9 }),
  }
}

function assumptionsOf({ settings, hasIdentity, bundle, mixedStepMs, mixedStepIsChosen }: ReplayInput, release: string): string[] {
  const sentences: string[] = []
  if (releaseDistance(release, settings.vllmRelease) !== 0)
    sentences.push(`Scheduled like vLLM ${release}; the run was recorded under ${settings.vllmRelease}.`)
  if (bundle !== undefined && releaseDistance(bundle.manifest.engine.release, settings.vllmRelease) !== 0) {
    sentences.push(
      `Operators were measured under ${bundle.manifest.engine.name} ${bundle.manifest.engine.release}; the run was recorded under ${settings.vllmRelease}.`,
    )
  }
  if (!hasIdentity && settings.enablePrefixCaching !== false) {
    sentences.push('The text of the prompts is not known, so none hits the prefix cache; --workload names the dataset of the run.')
  }
  if (settings.numGpuBlocks === undefined) sentences.push('The recording does not say how many KV blocks there were; they are computed.')
  if (mixedStepMs > 0 && mixedStepIsChosen) {
    sentences.push(
      `A step with prefill and without a CUDA graph takes the host ${mixedStepMs} ms: chosen by looking at recorded runs, the same for every run (--host-mixed-step-ms).`,
    )
  }
  return sentences
}

/** The release that the scheduler mimics and that is nearest to the recorded one. */
function nearestRelease(recorded: string, registry: Registry): string {
  const options = findProvider(registry, choicePoints.scheduler!, 'vllm')!.options
  const { properties } = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }) as {
    properties?: { release?: { anyOf?: { enum?: string[] }[] } }
  }
  const releases = properties?.release?.anyOf?.[0]?.enum ?? []
  return releases.reduce((best, other) => (releaseDistance(other, recorded) < releaseDistance(best, recorded) ? other : best))
}

/** The members that are not undefined. */
function present<T extends Record<string, unknown>>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>
}
