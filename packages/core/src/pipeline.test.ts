import { type ListedRequest, outcomeOf, runChecked, smallScenario } from '@servesim/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Pipeline } from './pipeline.js'
import { definePlugin } from './plugin.js'
import { type Network, network, type StepCost, stepCost, technique } from './points/index.js'
import { createSimulation, type Simulation } from './simulation.js'

/** A layer takes 10 ns a token and nothing else takes any time. */
const device = { use: 'toy-device', stepNs: 0, sequenceNs: 0, tokenNs: 10, contextNs: 0 }
const layerNs = (tokens: number) => 10 * tokens

/** Each step keeps the host busy for so long. */
const slowLaunch = definePlugin('slow-launch', (host) => {
  host.provide(technique, {
    name: 'slow-launch',
    description: 'Test.',
    options: z.strictObject({ launchNs: z.number() }),
    build: ({ launchNs }, context) =>
      context.claim(stepCost, {
        name: 'slow-launch',
        wrap: (next): StepCost => ({
          reads: 'shape',
          price(step, startNs, out) {
            next.price(step, startNs, out)
            out.hostNs = launchNs
          },
          priceRun(step, count, startNs, out) {
            next.priceRun(step, count, startNs, out)
            out.hostNs = launchNs
          },
        }),
      }),
  })
})

interface Case {
  stages: number
  layers?: number[]
  promptTokens: number
  batches: number
  outputTokens?: number
  handoverNs?: number
}

/** So many batches of one request each, of the model with eight layers. */
function run({ stages, layers, promptTokens, batches, outputTokens = 1, handoverNs = 0 }: Case): Simulation {
  const requests = Array.from({ length: batches }, (): ListedRequest => ({ arrivalNs: 0, promptTokens, outputTokens }))
  const pool = {
    model: 'toy-deep',
    device,
    network: { use: 'toy-network', latencyNs: handoverNs, byteNs: 0 },
    parallelism: { pipeline: stages, ...(layers === undefined ? {} : { pipelineLayers: layers }) },
    scheduler: { use: 'toy-scheduler', maxNumSeqs: batches, promptsPerStep: 1 },
  }
  return runChecked(smallScenario({ requests, pool, blocks: 100_000 }))
}

const lastNs = ({ results }: Simulation) => Math.max(...results.requests.column('lastTokenNs'))

describe('a pipeline', () => {
  it('of p equal stages takes m + p − 1 stage times for m equal micro-batches', () => {
    const arbitrary = fc.record({
      stages: fc.constantFrom(1, 2, 4, 8),
      promptTokens: fc.integer({ min: 1, max: 200 }),
      batches: fc.integer({ min: 1, max: 12 }),
    })
    fc.assert(
      fc.property(arbitrary, (shape) => {
        const { stages, promptTokens, batches } = shape
        const stageNs = (8 / stages) * layerNs(promptTokens)
        expect(lastNs(run(shape))).toBe((batches + stages - 1) * stageNs)
      }),
      { numRuns: 60 },
    )
  })

  it('stands still for (p − 1) ÷ (m + p − 1) of the time in each stage', () => {
    for (const [stages, batches] of [
      [2, 1],
      [4, 4],
      [4, 12],
    ] as const) {
      const simulation = run({ stages, batches, promptTokens: 25 })
      const { idleS, timeByClass } = simulation.result()
      const busyS = Object.values(timeByClass).reduce((a, b) => a + b, 0)
      expect(busyS).toBeCloseTo((batches * 8 * layerNs(25)) / 1e9, 12)
      expect(idleS / (idleS + busyS)).toBeCloseTo((stages - 1) / (batches + stages - 1), 12)
    }
  })

  it('of p stages decodes p micro-batches at p times the rate of one stage', () => {
    const shape = { promptTokens: 1, batches: 4, outputTokens: 101 }
    const alone = lastNs(run({ ...shape, stages: 1, batches: 1 }))
    // Alone a token takes all eight layers, here as well; but four go on at a time.
    expect(alone).toBe(101 * 8 * layerNs(1))
    expect(lastNs(run({ ...shape, stages: 4 }))).toBe(alone + 3 * 2 * layerNs(1))
    expect(lastNs(run({ ...shape, stages: 4, batches: 1 }))).toBe(alone)
  })

  it('goes at the pace of its slowest stage', () => {
    const layers = [1, 4, 2, 1]
    const batches = 20
    const simulation = run({ stages: 4, layers, batches, promptTokens: 7 })
    // Filling, then one batch for each turn of the slowest stage, which no later stage holds up.
    expect(lastNs(simulation)).toBe((8 + (batches - 1) * 4) * layerNs(7))
  })

  it('hands over while stages work, and lets no more steps into the pipeline than it has stages', () => {
    const stageNs = 2 * layerNs(10)
    const first = stageNs * 4 + 3 * 50
    // Four steps enter one after the other; the fifth is formed when the first has left.
    expect(lastNs(run({ stages: 4, batches: 4, promptTokens: 10, handoverNs: 50 }))).toBe(first + 3 * stageNs)
    expect(lastNs(run({ stages: 4, batches: 5, promptTokens: 10, handoverNs: 50 }))).toBe(2 * first)
  })

  it('forms no step of requests whose tokens are on their way', () => {
    const simulation = run({ stages: 2, batches: 3, promptTokens: 1, outputTokens: 4 })
    // The third prompt finds both stages taken and joins the first request's next step.
    expect(simulation.units[0]!.steps).toBe(2 * 4 + 1)
  })
})

describe('arrivals', () => {
  it('at any instant, the ends of steps and of launches included, meet what step by step meets', () => {
    const running = Array.from({ length: 3 }, (_, i): ListedRequest => ({ arrivalNs: 0, promptTokens: 2 + i, outputTokens: 60 }))
    let fastSteps = 0
    for (let arrivalNs = 1500; arrivalNs < 1650; arrivalNs++) {
      for (const stages of [2, 4]) {
        const pool = {
          model: 'toy-deep',
          device,
          network: { use: 'toy-network', latencyNs: 7, byteNs: 0 },
          parallelism: { pipeline: stages },
          scheduler: { use: 'toy-scheduler', promptsPerStep: 1 },
          techniques: [{ use: 'slow-launch', launchNs: 9 }],
        }
        const requests = [...running, { arrivalNs, promptTokens: 5, outputTokens: 3 }]
        const input = smallScenario({ requests, pool, blocks: 1000, plugins: [slowLaunch] })
        const [fast, plain] = [runChecked(input), runChecked(input, { stretches: false })]
        expect(outcomeOf(fast).exact, `arrival at ${arrivalNs} ns, ${stages} stages`).toEqual(outcomeOf(plain).exact)
        fastSteps += fast.units[0]!.fastSteps
      }
    }
    expect(fastSteps).toBeGreaterThan(150 * 2 * 100)
  })
})

describe('KV blocks', () => {
  const blocks = (parallelism: object) => {
    const memory = { contextBytes: 0 }
    const pool = {
      model: 'toy-deep',
      device: { use: 'toy-device', memoryBytes: 2 ** 20 },
      network: { use: 'toy-network' },
      parallelism,
      memory,
    }
    const requests = [{ arrivalNs: 0, promptTokens: 1, outputTokens: 1 }]
    return createSimulation(smallScenario({ requests, pool })).pools[0]!.memory
  }

  it('are as many as fit on the stage with the least room', () => {
    const even = blocks({ pipeline: 2 })
    // Half of the layers: half of the weights, and half of a token's KV.
    expect(even.weightBytes).toBe(4 * 32 * 32 * 2)
    expect(even.bytesPerBlock).toBe(blocks({}).bytesPerBlock / 2)
    const uneven = blocks({ pipeline: 2, pipelineLayers: [2, 6] })
    expect(uneven.stage).toBe(1)
    expect(uneven.blocks).toBe(Math.floor((uneven.usableBytes - uneven.weightBytes - uneven.activationBytes) / uneven.bytesPerBlock))
    expect(uneven.blocks).toBeLessThan(even.blocks)
    expect(blocks({ pipeline: 2, pipelineLayers: [6, 2] })).toEqual({ ...uneven, stage: 0 })
  })
})

describe('hand-overs', () => {
  it('to another node are priced as such', () => {
    const asked: [number, boolean | undefined][] = []
    const spying = definePlugin('spying', (host) => {
      host.provide(network, {
        name: 'spying',
        description: 'Test.',
        options: z.strictObject({}),
        build: (): Network => ({
          reads: 'shape',
          provenance: 'analytic',
          assumptions: [],
          collectiveNs: () => 0,
          transferNs: (bytes, betweenNodes) => {
            asked.push([bytes, betweenNodes])
            return betweenNodes ? 1000 : 10
          },
        }),
      })
    })
    const parallelism = { tensor: 2, pipeline: 4 }
    const pool = { model: 'toy-deep', device, network: { use: 'spying' }, parallelism, devicesPerNode: 4 }
    const requests = [{ arrivalNs: 0, promptTokens: 3, outputTokens: 1 }]
    const simulation = runChecked(smallScenario({ requests, pool, plugins: [spying] }))
    // Stages 0 and 1 are on the first node, 2 and 3 on the second. A rank hands over its half of 64 bytes a token.
    expect(asked).toEqual([
      [3 * 32, false],
      [3 * 32, true],
    ])
    expect(lastNs(simulation)).toBe(8 * layerNs(3) + 10 + 1000 + 10)
  })
})

describe('the stages', () => {
  it('each take one step at a time, in order, whatever the times', () => {
    const step = fc.record({
      startNs: fc.nat(1000),
      stageNs: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 3, maxLength: 3 }),
      handoverNs: fc.array(fc.nat(100), { minLength: 2, maxLength: 2 }),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const pipeline = new Pipeline(3)
        const free = [0, 0, 0]
        for (const { startNs, stageNs, handoverNs } of steps) {
          const ends: number[] = []
          for (let s = 0; s < 3; s++) {
            const arrives = s === 0 ? startNs : ends[s - 1]! + handoverNs[s - 1]!
            ends.push(Math.max(arrives, free[s]!) + stageNs[s]!)
            free[s] = ends[s]!
          }
          expect(pipeline.pass(startNs, Float64Array.from(stageNs), Float64Array.from(handoverNs))).toBe(ends[2])
          expect(pipeline.readyNs).toBe(free[0])
        }
        pipeline.clear()
        expect(pipeline.readyNs).toBe(0)
      }),
    )
  })
})
