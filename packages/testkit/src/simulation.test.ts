import { createSimulation, isServesimError } from '@servesim/core'
import { expect, it } from 'vitest'
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
    for (let untilNs = 0; !sliced.advance({ untilNs, maxEvents: 3 }); untilNs += 700) {
      sliced.snapshot()
      sliced.result()
    }
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
  let code = ''
  try {
    createSimulation(smallScenario({ requests: [] }))
  } catch (error) {
    if (isServesimError(error)) code = error.code
  }
  expect(code).toBe('SERVESIM_EMPTY_WORKLOAD')
})
