import { createSimulation, definePlugin, router, type SimulationInput } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { leastLoaded } from '@servesim/router-least-loaded'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { cudaGraphs } from '@servesim/technique-cuda-graphs'
import { hostTime } from '@servesim/technique-host-time'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { Draw, type ListedRequest, outcomeOf, randomRequests, runChecked, toyParts } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { dataParallel } from '../src/index.js'

const toTheFirst = definePlugin('to-the-first', (host) => {
  host.provide(router, {
    name: 'to-the-first',
    description: 'Test.',
    options: z.strictObject({}),
    build: () => ({ reads: 'shape', route: () => 0 }) as const,
  })
})

const plugins = [toyParts, vllmScheduler, prefixCaching, lru, leastLoaded, cudaGraphs, hostTime, dataParallel, toTheFirst]

interface RandomCase {
  input: SimulationInput
  ranks: number
  groups: number
  waveSteps: number
}

/** Small sizes, so that a run of milliseconds meets chunks, preemptions, evictions, idle ranks and arrivals within waves. */
function randomCase(number: number): RandomCase {
  const draw = new Draw(number, 'group')
  const [ranks, groups, waveSteps] = [draw.of(2, 3), draw.of(1, 1, 2), draw.of(1, 3, 32)]
  const blockSizeTokens = draw.of(1, 4, 16)
  const pipeline = new Draw(number, 'pipeline').of(1, 1, 2, 4)
  const scheduler = {
    use: 'vllm',
    maxNumSeqs: draw.of(1, 2, 8),
    maxNumBatchedTokens: draw.integer(4, 48),
    asyncScheduling: draw.chance(0.6),
    policy: draw.chance(0.7) ? 'fcfs' : 'priority',
    schedulerReserveFullIsl: draw.chance(0.5),
    blockSizeTokens,
  }
  const techniques = [
    { use: 'data-parallel', ranks, waveSteps },
    ...(draw.chance(0.6) ? [{ use: 'prefix-caching' }] : []),
    ...(draw.chance(0.5) ? [{ use: 'cuda-graphs', captureSizes: [1, 2, 4, 8, 12] }] : []),
    ...(draw.chance(0.5) ? [{ use: 'host-time', mixedStepMs: draw.of(0, 0.004), decodeStepMs: draw.of(0, 0.002) }] : []),
  ]
  const input: SimulationInput = {
    workload: { use: 'list', prefixGroupTokens: blockSizeTokens, requests: randomRequests(number) },
    router: { use: 'least-loaded', viewAgeMs: draw.of(0, 0.02) },
    pools: [
      {
        count: ranks * groups,
        model: pipeline > 1 ? 'toy-deep' : 'toy',
        device: { use: 'toy-device', contextNs: draw.of(0.13, 3) },
        parallelism: { expert: ranks, pipeline },
        ...(pipeline > 1 ? { network: { use: 'toy-network' } } : {}),
        scheduler,
        techniques,
        memory: { numGpuBlocksOverride: 1 + draw.integer(Math.ceil(60 / blockSizeTokens), Math.ceil(120 / blockSizeTokens)) },
      },
    ],
    plugins,
  }
  return { input, ranks, groups, waveSteps }
}

const cases = Number(process.env.SERVESIM_CASES ?? 200)
const numbers = Array.from({ length: cases }, (_, number) => number)

describe(`in ${cases} random scenarios of replicas that step together`, () => {
  it('no token is lost, no block leaks, and all of a group run the same number of steps, whole waves', () => {
    const seen = { preemptions: 0, cachedTokens: 0, idleReplicas: 0 }
    for (const number of numbers) {
      const { input, ranks, groups, waveSteps } = randomCase(number)
      const simulation = runChecked(input)
      const { results, units } = simulation
      const longest = simulation.pools[0]!.maxModelLenTokens
      const requests = (input.workload.requests as ListedRequest[]).filter((request) => request.promptTokens < longest)
      const gone = new Set(results.unserved.map(({ arrivalIndex }) => arrivalIndex))
      const served = (input.workload.requests as ListedRequest[]).filter((request, i) => requests.includes(request) && !gone.has(i))
      const output = served.reduce((sum, request) => sum + Math.min(request.outputTokens, longest - request.promptTokens), 0)
      expect(results.outputTokens, `scenario ${number}`).toBe(output)
      expect(results.finished).toBe(served.length)
      for (let g = 0; g < groups; g++) {
        const steps = units.slice(g * ranks, (g + 1) * ranks).map((unit) => unit.steps)
        expect(new Set(steps).size, `scenario ${number}: ${steps.join(' ')}`).toBe(1)
        expect(steps[0]! % waveSteps).toBe(0)
        expect(units.slice(g * ranks, (g + 1) * ranks).every((unit) => unit.fastSteps === 0)).toBe(true)
      }
      seen.preemptions += results.preemptions
      seen.cachedTokens += results.cachedTokens
      seen.idleReplicas += units.filter((unit) => unit.finished === 0 && unit.steps > 0).length
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(cases / 50)
  })

  it('the same seed gives the same bytes, whatever the order of plugins and with the clock stopped at any event', () => {
    for (const number of numbers) {
      const { input } = randomCase(number)
      const shift = number % plugins.length
      const reordered = createSimulation({ ...input, plugins: [...plugins.slice(shift), ...plugins.slice(0, shift)].reverse() })
      while (!reordered.advance({ maxEvents: 1 + (number % 3) }));
      const straight = createSimulation(input)
      straight.run()
      expect(JSON.stringify(outcomeOf(reordered))).toBe(JSON.stringify(outcomeOf(straight)))
    }
  })

  it('a replica whose peers have no request serves its own as it does alone', () => {
    for (const number of numbers) {
      const { input } = randomCase(number)
      const [drawn] = input.pools as [SimulationInput['pools'][number]]
      // A dummy attends to one token, and so is longer than a prompt's first token where no logits follow, on the first stages of a pipeline.
      const pool = drawn.model === 'toy-deep' ? { ...drawn, device: { use: 'toy-device', contextNs: 0 } } : drawn
      // After an empty turn of the engine, which only priorities cause, a lone replica sleeps and a group runs a dummy.
      const scheduler = { ...pool.scheduler, policy: 'fcfs' }
      const techniques = pool.techniques!.filter(({ use }) => use !== 'data-parallel')
      const alone = createSimulation({
        ...input,
        router: { use: 'to-the-first' },
        pools: [{ ...pool, scheduler, techniques, count: 1, parallelism: { ...pool.parallelism, expert: 1 } }],
      })
      const together = createSimulation({
        ...input,
        router: { use: 'to-the-first' },
        pools: [
          {
            ...pool,
            scheduler,
            techniques: [{ use: 'data-parallel', ranks: pool.count, waveSteps: 1 }, ...techniques],
            parallelism: { ...pool.parallelism, expert: pool.count! },
          },
        ],
      })
      alone.run()
      together.run()
      expect(outcomeOf(together).exact.requests, `scenario ${number}`).toEqual(outcomeOf(alone).exact.requests)
    }
  })
})
