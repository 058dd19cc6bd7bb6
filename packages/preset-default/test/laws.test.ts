import type { SimulationInput } from '@servesim/core'
import { type ListedRequest, type Outcome, outcomeOf, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { plugins, randomScenario } from './random-scenario.js'

const cases = Number(process.env.SERVESIM_CASES ?? 300)
const numbers = Array.from({ length: cases }, (_, number) => number)

function run(input: SimulationInput): Outcome {
  return outcomeOf(runChecked(input))
}

function listedRequests(input: SimulationInput): ListedRequest[] {
  return input.workload.requests as ListedRequest[]
}

function withPool(input: SimulationInput, changes: Partial<SimulationInput['pools'][number]>): SimulationInput {
  return { ...input, pools: input.pools.map((pool) => ({ ...pool, ...changes })) }
}

describe(`in ${cases} random scenarios`, () => {
  it('loses no token, leaks no block, and time never runs backwards, event by event', () => {
    for (const number of numbers) {
      const input = randomScenario(number)
      const { results, pools } = runChecked(input)
      const requests = listedRequests(input)
      const longest = pools[0]!.maxModelLenTokens
      const index = results.requests.column('arrivalIndex')
      const output = results.requests.column('outputTokens')
      for (let row = 0; row < results.requests.length; row++) {
        const { promptTokens, outputTokens } = requests[index[row]!]!
        expect(output[row], `scenario ${number}, request ${index[row]}`).toBe(Math.min(outputTokens, longest - promptTokens))
      }
      expect(results.arrived).toBe(requests.length)
      for (const { promptTokens, reason } of results.refused) expect(promptTokens >= longest).toBe(reason.includes('leave no room'))
    }
  }, 30_000)

  it('gives the same bytes for the same scenario, whatever the order of the plugins', () => {
    for (const number of numbers) {
      const input = randomScenario(number)
      const shuffled = {
        ...input,
        plugins: [...input.plugins.slice(number % plugins.length), ...input.plugins.slice(0, number % plugins.length)].reverse(),
      }
      expect(JSON.stringify(run(shuffled))).toBe(JSON.stringify(run(input)))
    }
  })

  it('does with one tensor-parallel rank and a network what it does without either', () => {
    for (const number of numbers) {
      const { parallelism: _, network: __, ...pool } = randomScenario(number).pools[0]!
      const input = { ...randomScenario(number), pools: [pool] }
      expect(run(withPool(input, { parallelism: { tensor: 1 }, network: { use: 'toy-network' } }))).toEqual(run(input))
    }
  })

  it('does with prefix caching what it does without, where no text is known', () => {
    for (const number of numbers) {
      const input = randomScenario(number)
      const requests = listedRequests(input).map(({ prefixIds: _, ...rest }) => rest)
      const others = (input.pools[0]!.techniques ?? []).filter((t) => t.use !== 'prefix-caching' && t.use !== 'kv-offload')
      const plain = withPool({ ...input, workload: { ...input.workload, requests } }, { techniques: others })
      expect(run(withPool(plain, { techniques: [...others, { use: 'prefix-caching' }] })).exact).toEqual(run(plain).exact)
    }
  })

  it('does with prefix caching what it does without, where no prefix is shared and nobody is preempted', () => {
    for (const number of numbers) {
      const input = randomScenario(number)
      const requests = listedRequests(input).map((request, i) => ({
        ...request,
        prefixIds: Array.from({ length: 60 }, (_, group) => 60 * i + group),
      }))
      // What a load brought and nobody used yet is on the device, where there is a cache that keeps it.
      const others = (input.pools[0]!.techniques ?? []).filter(
        (t) => t.use !== 'prefix-caching' && t.use !== 'toy-tier' && t.use !== 'kv-offload',
      )
      const roomy = withPool(
        { ...input, workload: { ...input.workload, requests } },
        { techniques: others, memory: { numGpuBlocksOverride: 8000 } },
      )
      // Looking into caches cuts stretches short, so seconds may be summed in another order.
      expect(run(withPool(roomy, { techniques: [...others, { use: 'prefix-caching' }] })).exact).toEqual(run(roomy).exact)
    }
  })
})

describe.each(['fcfs', 'priority'])('a preemption storm under %s', (policy) => {
  it.each([true, false])('ends, with asynchronous scheduling %s', (asyncScheduling) => {
    // Prompts fit all at once; what they generate needs eight times the blocks there are.
    const requests = Array.from({ length: 24 }, (_, i) => ({ arrivalNs: i, promptTokens: 2, outputTokens: 62, priority: i % 3 }))
    const scheduler = { use: 'vllm', policy, asyncScheduling, schedulerReserveFullIsl: false, blockSizeTokens: 1, maxNumBatchedTokens: 64 }
    const { results } = runChecked(smallScenario({ plugins, requests, blocks: 193, pool: { scheduler } }))
    expect(results.finished).toBe(requests.length)
    expect(results.preemptions).toBeGreaterThan(requests.length)
  })
})
