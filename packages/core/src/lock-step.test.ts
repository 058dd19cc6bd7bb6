import { type ListedRequest, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Phase } from './event-queue.js'
import { definePlugin } from './plugin.js'
import { device as deviceProviders, group, type Router, router, stepCost, technique } from './points/index.js'
import type { StepPrice, StepView } from './points/step-cost.js'
import type { Simulation } from './simulation.js'

/** A prompt of p tokens takes 1007 + 20 p ns, a decode 1027, a dummy 20: two layers at 10 ns a token, and 1007 ns for a sequence. */
const device = { use: 'toy-device', stepNs: 1000, sequenceNs: 7, tokenNs: 10, contextNs: 0 }
const prefillNs = (promptTokens: number) => 1007 + 20 * promptTokens
const decodeNs = prefillNs(1)
const dummyNs = 20

/** Replicas that step together. */
const together = definePlugin('together', (host) => {
  host.provide(technique, {
    name: 'together',
    description: 'Test.',
    options: z.strictObject({ ranks: z.number().default(2), waveSteps: z.number().default(1) }),
    build: (own, context) => context.claim(group, own),
  })
})

/** The prompt's length says where a request goes: odd to the second replica of two. */
const byParity = definePlugin('by-parity', (host) => {
  host.provide(router, {
    name: 'by-parity',
    description: 'Test.',
    options: z.strictObject({}),
    build: (): Router => ({ reads: 'shape', route: (_request, view) => view.prompt!.tokens % 2 }),
  })
})

type Peers = { tokens: number; peers: number[]; anyMixed: boolean; expertTokens: number; peerTokens: number }

/** Notes what the chain learns of peers. */
const spyOf = (seen: Peers[]) =>
  definePlugin('spy', (host) => {
    host.provide(technique, {
      name: 'spy',
      description: 'Test.',
      options: z.strictObject({ hostNs: z.number().default(0) }),
      build: ({ hostNs }, context) =>
        context.claim(stepCost, {
          name: 'spy',
          wrap: (next) => ({
            reads: 'shape',
            price(step: StepView, startNs: number, out: StepPrice) {
              const { tokens, peers, expertTokens, peerTokens } = step
              seen.push({ tokens, peers: [...peers.tokens], anyMixed: peers.anyMixed, expertTokens, peerTokens })
              next.price(step, startNs, out)
              // Only prompts keep the host busy.
              out.hostNs = step.prefills > 0 ? hostNs : 0
            },
            priceRun: () => {
              throw new Error('Replicas that step together take no stretches.')
            },
          }),
        }),
    })
  })

function run(
  requests: ListedRequest[],
  own: { waveSteps?: number; hostNs?: number; pipeline?: number } = {},
  seen: Peers[] = [],
): Simulation {
  const { waveSteps = 1, hostNs = 0, pipeline = 1 } = own
  const techniques = [
    { use: 'together', waveSteps },
    { use: 'spy', hostNs },
  ]
  const network = { use: 'toy-network', latencyNs: 0, byteNs: 0 }
  const pool = { count: 2, device, network, parallelism: { expert: 2, pipeline }, techniques }
  const plugins = [together, byParity, spyOf(seen)]
  return runChecked(smallScenario({ requests, pool, plugins, router: { use: 'by-parity' } }))
}

const times = ({ results }: Simulation, column: 'firstScheduledNs' | 'firstTokenNs' | 'lastTokenNs') => {
  const index = results.requests.column('arrivalIndex')
  const byArrival: number[] = []
  results.requests.column(column).forEach((timeNs, row) => {
    byArrival[index[row]!] = timeNs
  })
  return byArrival
}

const stepsOf = ({ units }: Simulation) => units.map((unit) => unit.steps)

describe('replicas that step together', () => {
  it('each take as long as the slowest of them', () => {
    const simulation = run([
      { arrivalNs: 0, promptTokens: 8, outputTokens: 3 },
      { arrivalNs: 0, promptTokens: 39, outputTokens: 2 },
    ])
    const first = prefillNs(39)
    expect(times(simulation, 'firstTokenNs')).toEqual([first, first])
    expect(times(simulation, 'lastTokenNs')).toEqual([first + 2 * decodeNs, first + decodeNs])
    expect(stepsOf(simulation)).toEqual([3, 3])
  })

  it('run a dummy step of one token where they have no work', () => {
    const seen: Peers[] = []
    const simulation = run([{ arrivalNs: 0, promptTokens: 8, outputTokens: 2 }], {}, seen)
    const step = (tokens: number, peers: number[], anyMixed: boolean) => ({
      tokens,
      peers,
      anyMixed,
      expertTokens: peers[0]! + peers[1]!,
      peerTokens: Math.max(...peers),
    })
    expect(seen).toEqual([step(8, [8, 1], true), step(1, [8, 1], true), step(1, [1, 1], false), step(1, [1, 1], false)])
    expect(times(simulation, 'lastTokenNs')).toEqual([prefillNs(8) + decodeNs])
    expect(simulation.results.outputTokens).toBe(2)
    expect(stepsOf(simulation)).toEqual([2, 2])
  })

  it('form and start together: what arrives while they run waits for the end of the step, on whichever replica', () => {
    const simulation = run([
      { arrivalNs: 0, promptTokens: 8, outputTokens: 2 },
      { arrivalNs: 5, promptTokens: 9, outputTokens: 1 },
    ])
    expect(times(simulation, 'firstScheduledNs')).toEqual([0, prefillNs(8)])
    expect(times(simulation, 'lastTokenNs')).toEqual([prefillNs(8) + prefillNs(9), prefillNs(8) + prefillNs(9)])
  })

  it('wait for the host that launches last', () => {
    const simulation = run(
      [
        { arrivalNs: 0, promptTokens: 8, outputTokens: 2 },
        { arrivalNs: 0, promptTokens: 1, outputTokens: 1 },
      ],
      { hostNs: 500 },
    )
    expect(times(simulation, 'firstTokenNs')).toEqual([500 + prefillNs(8), 500 + prefillNs(8)])
    // The replica without a prompt waited for its peer's host as well.
    expect(simulation.result().timeByClass.host).toBeCloseTo(2 * 500e-9, 15)
  })

  it('wait for the slowest of them on each stage of a pipeline', () => {
    const prompt = (promptTokens: number): ListedRequest => ({ arrivalNs: 0, promptTokens, outputTokens: 1 })
    const simulation = run([2, 2, 2, 2, 9].map(prompt), { pipeline: 2 })
    // One layer a stage, at 10 ns a token: nine tokens are more than eight on the first, four sequences more than one on the last.
    const end = 90 + (80 + 1000 + 4 * 7)
    expect(times(simulation, 'firstTokenNs')).toEqual([end, end, end, end, end])
  })

  it('keep several steps in a pipeline, but none of requests whose tokens are on their way', () => {
    const requests = [8, 39].map((promptTokens): ListedRequest => ({ arrivalNs: 0, promptTokens, outputTokens: 2 }))
    const simulation = run(requests, { pipeline: 2 })
    const first = 390 + 390 + 1007
    expect(times(simulation, 'firstTokenNs')).toEqual([first, first])
    expect(times(simulation, 'lastTokenNs')).toEqual([first + 10 + 1017, first + 10 + 1017])
    expect(stepsOf(simulation)).toEqual([2, 2])
  })

  it('leave requests of one replica alone where the other has none', () => {
    const requests = [0, 3000, 3100, 9000].map((arrivalNs) => ({ arrivalNs, promptTokens: 8, outputTokens: 5 }))
    const alone = runChecked(smallScenario({ requests, pool: { device } }))
    for (const column of ['firstScheduledNs', 'firstTokenNs', 'lastTokenNs'] as const)
      expect(times(run(requests), column)).toEqual(times(alone, column))
  })
})

describe('a wave', () => {
  const served = prefillNs(8) + decodeNs
  const request = { arrivalNs: 0, promptTokens: 8, outputTokens: 2 }

  it.each([
    [1, 2],
    [2, 2],
    [3, 3],
    [32, 32],
  ])('of %i steps ends after %i, dummies included', (waveSteps, steps) => {
    const simulation = run([request], { waveSteps })
    expect(stepsOf(simulation)).toEqual([steps, steps])
    expect(simulation.now).toBe(served + (steps - 2) * dummyNs)
  })

  it('that has ended begins anew with the next request', () => {
    const laterNs = 100_000
    const simulation = run([request, { ...request, arrivalNs: laterNs }], { waveSteps: 5 })
    expect(times(simulation, 'firstScheduledNs')).toEqual([0, laterNs])
    expect(stepsOf(simulation)).toEqual([10, 10])
  })

  it('lets an arrival wait for the end of the dummy step that runs', () => {
    // The third dummy step runs from 40 to 60 ns after the last token.
    const arrivalNs = served + 45
    const simulation = run([request, { arrivalNs, promptTokens: 9, outputTokens: 1 }], { waveSteps: 32 })
    expect(times(simulation, 'firstScheduledNs')).toEqual([0, served + 3 * dummyNs])
    expect(simulation.results.requests.column('queuedNs')[1]).toBe(served + 3 * dummyNs)
    expect(stepsOf(simulation)).toEqual([32, 32])
  })

  it('goes on as long as a request waits for data', () => {
    const simulation = runHeld(1000)
    expect(simulation.results.requests.column('firstScheduledNs')[0]).toBe(1000)
    // 50 dummies, the prompt, and one to the end of the wave of two.
    expect(stepsOf(simulation)).toEqual([52, 52])
  })

  it('of dummies alone ends in an error where nothing will ever release the request', () => {
    expect(() => runHeld(undefined)).toThrow(/1 requests wait and 0 run at 40 ns/)
  })
})

/** One request that a technique holds from the beginning, and releases at `releaseNs`. */
function runHeld(releaseNs: number | undefined): Simulation {
  const holding = definePlugin('holding', (host) => {
    host.provide(technique, {
      name: 'holding',
      description: 'Test.',
      options: z.strictObject({}),
      build(_options, { engine }) {
        const timer = engine.timer((token) => (token === 0 ? engine.hold(0) : engine.release(0)))
        timer.at(0, Phase.control, 0)
        if (releaseNs !== undefined) timer.at(releaseNs, Phase.control, 1)
      },
    })
  })
  const pool = { count: 2, device, parallelism: { expert: 2 }, techniques: [{ use: 'together', waveSteps: 2 }, { use: 'holding' }] }
  const requests = [{ arrivalNs: 0, promptTokens: 8, outputTokens: 1 }]
  return runChecked(smallScenario({ requests, pool, plugins: [together, holding, byParity], router: { use: 'by-parity' } }))
}

it('counts every replica’s attention under its own provenance', () => {
  // Prompts of eight tokens are in the table, others beyond it.
  const measuring = definePlugin('measuring', (host) => {
    host.provide(deviceProviders, {
      name: 'measuring',
      description: 'Test.',
      options: z.strictObject({}),
      build: () => ({
        spec: {
          name: 'measuring',
          vendor: 'toy',
          memoryBytes: 1e9,
          memoryBytesPerSecond: 1e12,
          bf16FlopPerSecond: 1e14,
          source: 'invented',
        },
        collectives: [],
        compile: () => ({
          latency: () => ({ ns: 0, provenance: 'analytic' }),
          attention: {
            contextTokens: Float64Array.of(0, 64),
            measuredContextTokens: 64,
            decodeProvenance: 'analytic',
            decodeRowNs: () => Float64Array.of(0, 0),
            mixedNs: (newTokens) => ({ ns: 100 * newTokens, provenance: newTokens === 8 ? 'measured' : 'extrapolated' }),
          },
          assumptions: [],
        }),
      }),
    })
  })
  const pool = { count: 2, device: 'measuring', parallelism: { expert: 2 }, techniques: [{ use: 'together' }] }
  const requests = [8, 9].map((promptTokens) => ({ arrivalNs: 0, promptTokens, outputTokens: 1 }))
  const input = smallScenario({ requests, pool, plugins: [together, byParity, measuring], router: { use: 'by-parity' } })
  const { timeByProvenance } = runChecked(input).result()
  // Two layers each.
  expect(timeByProvenance.measured).toBeCloseTo(1600e-9, 15)
  expect(timeByProvenance.extrapolated).toBeCloseTo(1800e-9, 15)
})
