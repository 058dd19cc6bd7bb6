import { createSimulation, type SimulationInput } from '@servesim/core'
import { listWorkloads } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { presetDefault } from '../src/index.js'

type Pool = SimulationInput['pools'][number]

/** A real model on a real device, with links on which nothing takes any time worth mentioning. */
function run(pool: Partial<Pool>, requests: { arrivalNs: number; promptTokens: number; outputTokens: number }[]) {
  return createSimulation({
    workload: { use: 'list', requests },
    router: { use: 'least-loaded' },
    pools: [
      {
        model: 'meta-llama/Llama-3.1-8B',
        device: 'h100-sxm',
        network: { use: 'analytical', latencyUs: 0, bandwidthGBps: 1e6 },
        scheduler: { use: 'vllm' },
        techniques: [{ use: 'cuda-graphs' }, { use: 'decode-straggler' }],
        ...pool,
      },
    ],
    plugins: [presetDefault, listWorkloads],
  })
}

const alone = [{ arrivalNs: 0, promptTokens: 700, outputTokens: 50 }]
const instants = (pool: Partial<Pool>) => {
  const simulation = run(pool, alone)
  simulation.run()
  const { requests } = simulation.results
  return { firstNs: requests.column('firstTokenNs')[0]!, lastNs: requests.column('lastTokenNs')[0]!, simulation }
}

describe('a request alone', () => {
  it.each([2, 4, 7])('takes as long over %i stages as over one, where links take no time', (pipeline) => {
    const one = instants({})
    const several = instants({ parallelism: { pipeline } })
    // What 700 tokens of 16 KiB take at 10¹⁵ B/s, and a rounding on each stage.
    const handoverNs = (pipeline - 1) * ((700 * 16_384) / 1e6 + 1)
    expect(Math.abs(several.firstNs - one.firstNs)).toBeLessThanOrEqual(handoverNs + pipeline)
    expect(Math.abs(several.lastNs - several.firstNs - (one.lastNs - one.firstNs))).toBeLessThanOrEqual(49 * 2 * pipeline)
    expect(several.simulation.pools[0]!.deviceCount).toBe(pipeline)
    // All but one stage stand still at a time.
    const { idleS, timeByClass } = several.simulation.result()
    const busyS = Object.values(timeByClass).reduce((a, b) => a + b, 0)
    expect(idleS / (idleS + busyS)).toBeCloseTo((pipeline - 1) / pipeline, 3)
  })
})

describe('prompts that fill the steps', () => {
  const requests = Array.from({ length: 64 }, () => ({ arrivalNs: 0, promptTokens: 4096, outputTokens: 1 }))
  const scheduler = { use: 'vllm', maxNumBatchedTokens: 4096 }
  const secondsOf = (pool: Partial<Pool>) => run({ scheduler, ...pool }, requests).run().throughput.durationS

  it('go through p stages nearly p times as fast: (64 + p − 1) ÷ 64 · p of one', () => {
    const one = secondsOf({})
    for (const pipeline of [2, 4]) {
      const ratio = secondsOf({ parallelism: { pipeline } }) / one
      // Logits make the last stage a little longer.
      expect(ratio).toBeGreaterThanOrEqual((64 + pipeline - 1) / (64 * pipeline))
      expect(ratio).toBeLessThan((1.03 * (64 + pipeline - 1)) / (64 * pipeline))
    }
  })

  it('go at the pace of the stage with most layers', () => {
    const even = secondsOf({ parallelism: { pipeline: 2 } })
    const uneven = secondsOf({ parallelism: { pipeline: 2, pipelineLayers: [24, 8] } })
    expect(uneven / even).toBeGreaterThan(1.4)
    expect(uneven / even).toBeLessThan(1.5)
  })
})

describe('Qwen3-30B-A3B', () => {
  it.each([
    ['PP 2', 1, { pipeline: 2 }],
    ['PP 4', 1, { pipeline: 4 }],
    ['TP 2 × PP 2', 1, { tensor: 2, pipeline: 2 }],
    ['DP 2 × EP 2 × PP 2', 2, { expert: 2, pipeline: 2 }],
    ['DP 2 × TP 2 × EP 4 × PP 2', 2, { tensor: 2, expert: 4, pipeline: 2 }],
  ])('serves every request with %s, under both schedulers', (_, count, parallelism) => {
    const requests = Array.from({ length: 30 }, (_, i) => ({ arrivalNs: 3e6 * i, promptTokens: 100 + 90 * i, outputTokens: 20 + i }))
    for (const scheduler of [{ use: 'vllm' }, { use: 'vllm', asyncScheduling: false }, { use: 'sglang' }]) {
      const techniques = [{ use: 'prefix-caching' }, { use: 'cuda-graphs' }, { use: 'host-time' }]
      const together = count > 1 ? [{ use: 'data-parallel', ranks: count }] : []
      const pool = { model: 'Qwen/Qwen3-30B-A3B', count, parallelism, scheduler, techniques: [...together, ...techniques] }
      const result = run({ ...pool, network: { use: 'analytical' } }, requests).run()
      expect(result.requests).toMatchObject({ arrived: 30, finished: 30 })
      expect(result.outputTokens).toBe(requests.reduce((sum, r) => sum + r.outputTokens, 0))
    }
  })
})
