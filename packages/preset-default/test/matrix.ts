import { createSimulation, type ScenarioInput, type SimulationInput } from '@servesim/core'
import { dataParallel } from '@servesim/technique-data-parallel'
import { pdDisaggregation } from '@servesim/technique-pd-disaggregation'
import { Draw, type ListedRequest, outcomeOf, PrefixIds, runChecked } from '@servesim/testkit'
import { plugins as others } from './random-scenario.js'

const plugins = [...others, dataParallel, pdDisaggregation]

export const techniques = ['prefix-caching', 'kv-offload', 'pd-disaggregation', 'speculative-decoding', 'data-parallel'] as const
export type Technique = (typeof techniques)[number]

export const layouts = ['TP 2', 'PP 2', 'DP 2 × EP 2'] as const
export type Layout = (typeof layouts)[number]

export const schedulers = ['vllm', 'sglang'] as const
export type Scheduler = (typeof schedulers)[number]

type Pool = ScenarioInput['pools'][number]
type Choice = NonNullable<Pool['techniques']>[number]

const blockSizeTokens = 4

/** Two dozen requests of conversations that come back, over enough time for caches to lose them to host memory and get them back. */
function trace(): ListedRequest[] {
  const draw = new Draw(1, 'matrix')
  const ids = new PrefixIds()
  const texts = Array.from({ length: 6 }, (_, c) => Array.from({ length: 40 }, (_, i) => (i < 3 ? 'system' : `conversation ${c}`)))
  let arrivalNs = 0
  return Array.from({ length: 24 }, (_, i) => {
    arrivalNs += draw.exponential(i % 8 === 0 ? 400_000 : 4000)
    const promptTokens = draw.integer(20, 60)
    return { arrivalNs, promptTokens, outputTokens: draw.integer(2, 24), prefixIds: ids.of(texts[i % 6]!) }
  })
}

/** What each choice stands for. Heads draft with steps formed ahead and slots of their own, lookup without either: one with each scheduler. */
function optionsOf(technique: Technique, scheduler: Scheduler): Choice {
  if (technique === 'speculative-decoding') {
    return { use: technique, method: scheduler === 'vllm' ? 'eagle3' : 'ngram', numSpeculativeTokens: 3, acceptance: 0.6 }
  }
  if (technique === 'data-parallel') return { use: technique, ranks: 2, waveSteps: 4 }
  return { use: technique }
}

function scenario(chosen: readonly Technique[], layout: Layout, scheduler: Scheduler): SimulationInput {
  const on = new Set<Technique>(chosen)
  // Host memory is found by what prefix caching knows of texts.
  if (on.has('kv-offload')) on.add('prefix-caching')
  if (layout === 'DP 2 × EP 2') on.add('data-parallel')
  const tensor = layout === 'TP 2' ? 2 : 1
  const parallelism = {
    tensor,
    pipeline: layout === 'PP 2' ? 2 : 1,
    ...(on.has('data-parallel') ? { expert: 2 * tensor } : {}),
  }
  const pool: Pool = {
    count: on.has('data-parallel') ? 2 : 1,
    model: 'toy-deep',
    device: { use: 'toy-device', contextNs: 0.13 },
    parallelism,
    network: { use: 'toy-network' },
    scheduler: schedulerOf(scheduler),
    techniques: techniques.filter((t) => on.has(t) && t !== 'pd-disaggregation').map((t) => optionsOf(t, scheduler)),
    maxModelLenTokens: 100,
    memory: { numGpuBlocksOverride: 46 },
  }
  const apart = on.has('pd-disaggregation')
  return {
    workload: { use: 'list', requests: trace(), prefixGroupTokens: blockSizeTokens },
    router: { use: 'least-loaded' },
    fabric: { use: 'toy-fabric', latencyNs: 100, byteNs: 0.5 },
    techniques: apart ? [{ use: 'pd-disaggregation' }] : [],
    pools: apart
      ? [
          { ...pool, role: 'prefill' },
          { ...pool, role: 'decode' },
        ]
      : [pool],
    plugins,
  }
}

function schedulerOf(scheduler: Scheduler): Pool['scheduler'] {
  return scheduler === 'vllm'
    ? { use: 'vllm', blockSizeTokens, maxNumSeqs: 8, maxNumBatchedTokens: 48 }
    : { use: 'sglang', blockSizeTokens, maxRunningRequests: 8, chunkedPrefillSize: 32 }
}

/** How much each technique did in a run; 0 would mean that it was there for nothing. */
const work: Record<Technique, string> = {
  'prefix-caching': 'cached tokens',
  'kv-offload': 'hostLoadedBytes',
  'pd-disaggregation': 'kvHandedOverBytes',
  'speculative-decoding': 'acceptedDraftTokens',
  'data-parallel': 'equal steps',
}

/** Runs a cell of the matrix, event by event with every law checked, and again in stretches. @returns what does not hold; empty: it works */
export function faultsOf(chosen: readonly Technique[], layout: Layout, scheduler: Scheduler): string[] {
  const input = scenario(chosen, layout, scheduler)
  const simulation = runChecked(input, { stretches: false })
  const { results, engine, units } = simulation
  const faults: string[] = []
  if (results.finished !== results.arrived) faults.push(`${results.finished} of ${results.arrived} requests finished`)
  for (const technique of chosen) {
    const done =
      technique === 'prefix-caching'
        ? results.cachedTokens
        : technique === 'data-parallel'
          ? Number(new Set(units.slice(0, 2).map((unit) => unit.steps)).size === 1)
          : (engine.counters.get(work[technique])?.value ?? 0)
    if (done === 0) faults.push(`${technique} did nothing (${work[technique]})`)
  }
  const fast = createSimulation(input)
  fast.run()
  if (JSON.stringify(outcomeOf(fast).exact) !== JSON.stringify(outcomeOf(simulation).exact)) faults.push('differs in stretches')
  return faults
}
