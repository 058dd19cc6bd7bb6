import { createSimulation, definePlugin, isServesimError, type StepCost, stepCost, technique } from '@servesim/core'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { runChecked } from './invariants.js'
import { outcomeOf } from './outcome.js'
import { randomRequests } from './random-requests.js'
import { smallScenario } from './scenario.js'

// Core's loop, with toy parts only.

it('gives the same however a run is sliced', () => {
  for (let number = 0; number < 40; number++) {
    const input = smallScenario({ requests: randomRequests(number), blocks: 200, pool: { maxModelLenTokens: 190 } })
    const [whole, sliced] = [createSimulation(input), createSimulation(input)]
    whole.run()
    for (let untilNs = 0; !sliced.advance({ untilNs, maxEvents: 3 }); untilNs += 700) sliced.snapshot()
    expect(outcomeOf(sliced)).toEqual(outcomeOf(whole))
  }
})

it('stops before the first event that is later than asked for', () => {
  const simulation = createSimulation(smallScenario({ requests: [{ arrivalNs: 500, promptTokens: 4, outputTokens: 40 }] }))
  expect(simulation.advance({ untilNs: 499 })).toBe(false)
  expect(simulation.snapshot()).toMatchObject({ nowNs: 0, arrived: 0 })
  simulation.advance({ untilNs: 500 })
  expect(simulation.snapshot()).toMatchObject({ nowNs: 500, arrived: 1, finished: 0 })
  expect(simulation.advance()).toBe(true)
})

it('refuses a request that no replica could ever hold, and serves the rest', () => {
  const requests = [
    { arrivalNs: 0, promptTokens: 900, outputTokens: 1 },
    { arrivalNs: 0, promptTokens: 9, outputTokens: 2 },
  ]
  const { results } = runChecked(smallScenario({ requests, blocks: 8 }))
  expect([results.arrived, results.finished, results.refusedCount]).toEqual([2, 1, 1])
  expect(results.refused[0]).toMatchObject({ arrivalIndex: 0, promptTokens: 900 })
  expect(results.refused[0]!.reason).toContain('at most 32 tokens')
})

it('cuts an output that would make the longest sequence longer', () => {
  const { results } = runChecked(smallScenario({ requests: [{ arrivalNs: 0, promptTokens: 30, outputTokens: 100 }], blocks: 8 }))
  expect(results.requests.column('outputTokens')[0]).toBe(2)
})

it('refuses to simulate an empty workload', () => {
  expect(codeOf(() => createSimulation(smallScenario({ requests: [] })))).toBe('SERVESIM_EMPTY_WORKLOAD')
})

it.each([Number.NaN, Number.POSITIVE_INFINITY])('stops at a step price of %s instead of running on with a broken clock', (priceNs) => {
  // From a context on that only a stretch would reach.
  const late = (context: number) => (context > 40 ? priceNs : 0)
  const broken = definePlugin('broken', (host) => {
    host.provide(technique, {
      name: 'broken',
      description: '',
      options: z.strictObject({}),
      build: (_options, { claim }) =>
        claim(stepCost, {
          name: 'broken',
          wrap: (next): StepCost => ({
            reads: 'shape',
            price(step, startNs, out) {
              next.price(step, startNs, out)
              out.attentionNs += late(step.longestDecodeContext)
            },
            priceRun(step, count, startNs, out) {
              next.priceRun(step, count, startNs, out)
              for (let j = 0; j < count; j++) out.attentionNs[j]! += late(step.longestDecodeContext + j)
            },
          }),
        }),
    })
  })
  const requests = [{ arrivalNs: 0, promptTokens: 4, outputTokens: 100 }]
  const input = smallScenario({ requests, plugins: [broken], pool: { techniques: [{ use: 'broken' }] } })
  for (const stretches of [true, false])
    expect(codeOf(() => createSimulation(input, { stretches }).run())).toBe('SERVESIM_BROKEN_INVARIANT')
})

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (isServesimError(error)) return error.code
    throw error
  }
  return 'nothing was thrown'
}
