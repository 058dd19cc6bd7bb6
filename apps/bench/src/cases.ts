import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createSimulation, type ScenarioInput, type Simulation } from '@servesim/core'
import { presetDefault } from '@servesim/preset-default'
import { openBundle } from '@servesim/profile/node'
import { readTraceFile } from '@servesim/workload/node'

/** One thing that is timed: what it needs is read apart, then each run builds and runs a simulation. */
export interface BenchCase {
  name: string
  what: string
  /** Warm runs whose median counts. */
  warmRuns: number
  /** Files it needs below the data folder. */
  needs: string[]
  prepare(data: string): Promise<() => Simulation>
}

const allTechniques = ['prefix-caching', 'cuda-graphs', 'host-time', 'decode-straggler'].map((use) => ({ use }))

const llamaBundle = 'llmservingsim/profiler/perf/RTXPRO6000/meta-llama/Llama-3.1-8B'
const llamaTrace = 'llmservingsim/workloads/sharegpt-llama-3.1-8b-300-sps10.jsonl'
const mooncakeTrace = 'traces/conversation_trace.jsonl'

export const benchCases: BenchCase[] = [
  {
    name: 'llama-recorded',
    what: '300 ShareGPT requests on a measured RTX PRO 6000, all mechanisms on',
    warmRuns: 20,
    needs: [llamaBundle, llamaTrace],
    async prepare(data) {
      const bundle = await openBundle(join(data, llamaBundle))
      const trace = await readTraceFile(join(data, llamaTrace))
      return simulationOf({
        workload: { use: 'trace', trace },
        pools: [
          {
            model: 'meta-llama/Llama-3.1-8B',
            device: { use: 'rtx-pro-6000', bundle },
            scheduler: { use: 'vllm', maxNumSeqs: 128, maxNumBatchedTokens: 2048 },
            network: { use: 'analytical' },
            techniques: allTechniques.map((t) => (t.use === 'host-time' ? { ...t, mixedStepMs: 25 } : t)),
          },
        ],
      })
    },
  },
  {
    name: 'mooncake-conversation',
    what: 'the Mooncake conversation trace on 8 analytic H100 replicas, prefix caching on',
    warmRuns: 20,
    needs: [mooncakeTrace],
    async prepare(data) {
      const trace = await readTraceFile(join(data, mooncakeTrace))
      return simulationOf({ workload: { use: 'trace', trace }, router: { use: 'least-loaded' }, pools: [analyticPool(8)] })
    },
  },
  {
    name: 'million',
    what: '1 million synthetic requests on 100 analytic H100 replicas, rows not kept',
    warmRuns: 20,
    needs: [],
    async prepare() {
      return simulationOf({
        workload: {
          use: 'poisson',
          requestCount: 1_000_000,
          ratePerSecond: 800,
          promptTokens: { lognormal: { mean: 512, sigma: 0.8, max: 8192 } },
          outputTokens: { lognormal: { mean: 128, sigma: 0.6, max: 2048 } },
        },
        router: { use: 'least-loaded' },
        pools: [analyticPool(100)],
        results: { keepRequests: 0 },
      })
    },
  },
]

function analyticPool(count: number): ScenarioInput['pools'][number] {
  return {
    count,
    model: 'meta-llama/Llama-3.1-8B',
    device: 'h100-sxm',
    scheduler: { use: 'vllm' },
    network: { use: 'analytical' },
    techniques: allTechniques,
  }
}

function simulationOf(scenario: ScenarioInput): () => Simulation {
  return () => createSimulation({ plugins: [presetDefault], ...scenario })
}

/** What of a case's data is absent. */
export function missingData(benchCase: BenchCase, data: string): string[] {
  return benchCase.needs.filter((path) => !existsSync(join(data, path)))
}
