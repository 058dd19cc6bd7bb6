import { createSimulation, definePlugin, type Engine, Phase, technique } from '@servesim/core'
import { smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { vllmScheduler } from '../src/index.js'

/** Row 0 of the request table is the first arrival’s: rows are given out from the lowest. */
const first = 0

function run(policy: 'fcfs' | 'priority', hold: (engine: Engine) => void) {
  const holder = definePlugin('holder', (host) => {
    host.provide(technique, {
      name: 'holder',
      description: 'Test.',
      options: z.strictObject({}),
      build: (_options, { engine }) => hold(engine),
    })
  })
  const simulation = createSimulation(
    smallScenario({
      requests: [
        { arrivalNs: 0, promptTokens: 8, outputTokens: 3, priority: 1 },
        { arrivalNs: 0, promptTokens: 8, outputTokens: 3, priority: 2 },
        { arrivalNs: 0, promptTokens: 8, outputTokens: 3, priority: 0 },
      ],
      plugins: [vllmScheduler, holder],
      pool: { scheduler: { use: 'vllm', policy, maxNumSeqs: 1, blockSizeTokens: 4 }, techniques: [{ use: 'holder' }] },
    }),
  )
  simulation.run()
  const { requests } = simulation.results
  const scheduled = new Map([...requests.column('arrivalIndex')].map((index, row) => [index, requests.column('firstScheduledNs')[row]!]))
  return [...scheduled].sort((a, b) => a[1] - b[1]).map(([index]) => index)
}

const untilLater = (engine: Engine): void => {
  const timer = engine.timer((token) => (token === 0 ? engine.hold(first) : engine.release(first)))
  timer.at(0, Phase.control, 0)
  timer.at(1, Phase.control, 1)
}

const untilIdle = (engine: Engine): void => {
  const timer = engine.timer((token) => (token === 0 ? engine.hold(first) : engine.release(first)))
  timer.at(0, Phase.control, 0)
  timer.at(1e12, Phase.control, 1)
}

it('lets others pass a request that is held back, which then goes ahead of those that wait', () => {
  expect(run('fcfs', () => {})).toEqual([0, 1, 2])
  expect(run('fcfs', untilLater)).toEqual([1, 0, 2])
})

it('takes the better of a released request and the head of the queue under priorities', () => {
  expect(run('priority', () => {})).toEqual([2, 0, 1])
  expect(run('priority', untilLater)).toEqual([2, 0, 1])
})

it('wakes an idle replica when the last request is released', () => {
  expect(run('fcfs', untilIdle)).toEqual([1, 2, 0])
})
