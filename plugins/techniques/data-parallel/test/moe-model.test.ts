import { createSimulation, type SimulationInput } from '@servesim/core'
import { gpu } from '@servesim/device-gpu'
import { lru } from '@servesim/eviction-lru'
import { models } from '@servesim/models'
import { analyticalNetwork } from '@servesim/network-analytical'
import { leastLoaded } from '@servesim/router-least-loaded'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { outcomeOf, toyParts } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { dataParallel } from '../src/index.js'

type Pool = SimulationInput['pools'][number]

const requests = Array.from({ length: 12 }, (_, i) => ({ arrivalNs: i * 1e6, promptTokens: 40 + 7 * i, outputTokens: 20 }))

function build(pool: Partial<Pool>, network: Partial<Pool> = { network: { use: 'analytical' } }) {
  return createSimulation({
    workload: { use: 'list', requests },
    router: { use: 'least-loaded' },
    pools: [
      {
        count: 2,
        model: 'Qwen/Qwen3-30B-A3B',
        device: 'h100-sxm',
        scheduler: { use: 'vllm', maxNumSeqs: 8, maxNumBatchedTokens: 512 },
        ...network,
        memory: { numGpuBlocksOverride: 500 },
        ...pool,
      },
    ],
    plugins: [toyParts, gpu, models, lru, analyticalNetwork, leastLoaded, vllmScheduler, dataParallel],
  })
}

const shared = (options: Record<string, unknown> = {}): Partial<Pool> => ({
  parallelism: { expert: 2 },
  techniques: [{ use: 'data-parallel', ranks: 2, ...options }],
})

describe('experts of Qwen3-30B-A3B shared by two replicas', () => {
  const run = (options?: Record<string, unknown>) => build(shared(options)).run()

  it('serve every request, with collectives in the account and the assumption named', () => {
    const { requests: counts, timeByClass, assumptions } = run()
    expect(counts.finished).toBe(12)
    expect(timeByClass.collective).toBeGreaterThan(0)
    expect(assumptions.filter((sentence) => /evenly/.test(sentence))).toEqual([
      'Tokens choose experts evenly at random: E·(1 − (1 − k/E)^T) of them are activated.',
    ])
  })

  it('take longer where the busiest rank has more, and less where a trained gate visits fewer', () => {
    const moe = (options: Record<string, unknown>) => run(options).timeByClass.moe
    const uniform = moe({})
    expect(moe({ expertLoad: 'zipf', zipfExponent: 0 })).toBeCloseTo(uniform, 9)
    expect(moe({ expertLoad: 'balanced' })).toBeGreaterThan(uniform)
    expect(moe({ expertLoad: 'recorded' })).toBeLessThan(uniform)
    // Steep popularity: the first rank computes nearly all pairs, but of few experts.
    expect(moe({ expertLoad: 'zipf', zipfExponent: 3 })).not.toBeCloseTo(uniform, 3)
  })

  it('work beside tensor parallelism', () => {
    const pool = { parallelism: { tensor: 2, expert: 4 }, techniques: [{ use: 'data-parallel', ranks: 2 }] }
    const simulation = build(pool)
    expect(simulation.run().requests.finished).toBe(12)
    expect(simulation.pools[0]!.deviceCount).toBe(4)
  })
})

describe('a mismatch of degree, replicas and technique is refused', () => {
  it.each([
    ['no technique', { parallelism: { expert: 2 } }, 'make 2 replicas step together; the techniques group 1'],
    ['another number of ranks', { ...shared({ ranks: 4 }), count: 4 }, 'make 2 replicas step together; the techniques group 4'],
    [
      'experts that are not shared',
      { techniques: [{ use: 'data-parallel', ranks: 2 }] },
      'make 1 replicas step together; the techniques group 2',
    ],
    ['a group that is not whole', { ...shared(), count: 3 }, '3 replicas do not make whole groups of 2'],
    [
      'experts only divided by width',
      { parallelism: { tensor: 2, expert: 2 }, techniques: [{ use: 'data-parallel', ranks: 2 }] },
      'step together',
    ],
  ] satisfies [string, Partial<Pool>, string][])('%s', (_, pool, words) => {
    expect(() => build(pool)).toThrow(
      expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH', path: 'pools[0].parallelism.expert' }),
    )
    expect(() => build(pool)).toThrow(words)
  })

  it('no network', () => {
    expect(() => build(shared(), {})).toThrow('2 ranks exchange data in every layer, and the scenario names no network')
  })

  it('a dense model', () => {
    expect(() => build({ ...shared(), model: 'Llama-3.1-8B' })).toThrow('the model is dense')
  })
})

it('leaves dense replicas alone: nothing is grouped, nothing assumed', () => {
  const dense: Partial<Pool> = { model: 'Llama-3.1-8B' }
  const [plain, switchedOn] = [build(dense), build({ ...dense, techniques: [{ use: 'data-parallel', expertLoad: 'zipf' }] })]
  expect(switchedOn.run().assumptions).toEqual(plain.run().assumptions)
  expect(outcomeOf(switchedOn)).toEqual(outcomeOf(plain))
  expect(switchedOn.units.some((unit) => unit.fastSteps > 0)).toBe(true)
})

it.each([
  [{ ranks: 0 }, 'ranks'],
  [{ ranks: 1.5 }, 'ranks'],
  [{ waveSteps: 0 }, 'waveSteps'],
  [{ expertLoad: 'skewed' }, 'expertLoad'],
  [{ gateTokens: [] }, 'gateTokens'],
  [{ gateTokens: [1, 2] }, 'gateTokens'],
  [{ gateTokens: [1, 256, 16, 1000] }, 'gateTokens'],
  [{ gateTokens: [1, 16, 16, 1000] }, 'gateTokens'],
  [{ gateFractions: [1, 0, 1, 1] }, 'gateFractions'],
  [{ gateFractions: [1, 1.01, 1, 1] }, 'gateFractions'],
  [{ zipfExponent: -1 }, 'zipfExponent'],
  [{ zipfExponent: Number.NaN }, 'zipfExponent'],
  [{ experts: 8 }, 'experts'],
])('%j is refused where it stands', (options, name) => {
  expect(() => build(shared(options))).toThrow(
    expect.objectContaining({ code: 'SERVESIM_BAD_OPTION', path: expect.stringContaining(`pools[0].techniques[0].${name}`) }),
  )
})
