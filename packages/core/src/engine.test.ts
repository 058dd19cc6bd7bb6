import { smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { z } from 'zod'
import type { Engine } from './engine.js'
import { Phase } from './event-queue.js'
import { definePlugin } from './plugin.js'
import { technique } from './points/index.js'
import { createSimulation } from './simulation.js'

const requests = [
  { arrivalNs: 0, promptTokens: 8, outputTokens: 4 },
  { arrivalNs: 50, promptTokens: 4, outputTokens: 2 },
]

/** A simulation with one technique that is handed the engine at build. */
function withEngine(use: (engine: Engine) => void, network = true) {
  const plugin = definePlugin('probe', (host) => {
    host.provide(technique, {
      name: 'probe',
      description: 'Test.',
      options: z.strictObject({}),
      build: (_options, { engine }) => use(engine),
    })
  })
  const pool = { count: 2, techniques: [{ use: 'probe' }], ...(network && { network: { use: 'toy-network', latencyNs: 100, byteNs: 2 } }) }
  const first = definePlugin('first', () => {})
  return createSimulation(smallScenario({ requests, pool, plugins: [plugin, first, toFirstReplica], router: { use: 'to-first' } }))
}

const toFirstReplica = definePlugin('to-first', (host) => {
  host.provide(
    { id: 'servesim/router', contract: 1, cardinality: 'named', scope: 'cluster' },
    { name: 'to-first', description: 'Test.', options: z.strictObject({}), build: () => ({ reads: 'shape', route: () => 0 }) },
  )
})

it('calls timers back in the order of time, then phase, whatever the order they were set in', () => {
  const seen: string[] = []
  withEngine((engine) => {
    const timer = engine.timer((token, nowNs) => seen.push(`${nowNs}:${token}`))
    timer.at(20, Phase.control, 3)
    timer.at(20, Phase.complete, 2)
    timer.at(10, Phase.form, 1)
  }).run()
  expect(seen).toEqual(['10:1', '20:2', '20:3'])
})

it('lets a timer set itself again', () => {
  let calls = 0
  withEngine((engine) => {
    const timer = engine.timer((token, nowNs) => {
      if (++calls < 5) timer.at(nowNs + 7, Phase.control, token)
    })
    timer.at(0, Phase.control, 0)
  }).run()
  expect(calls).toBe(5)
})

it('refuses an event in the past', () => {
  const simulation = withEngine((engine) => {
    const timer = engine.timer((_token, nowNs) => timer.at(nowNs - 1, Phase.control, 0))
    timer.at(10, Phase.control, 0)
  })
  expect(() => simulation.run()).toThrow(/expected an instant not before now/)
})

it('ends a transfer when the link has carried it, and not before its last byte exists', () => {
  const ends: number[] = []
  withEngine((engine) => {
    const start = engine.timer((token) => {
      const transfer = { source: 0, target: 1, bytes: 50, availableFromNs: 0, availableToNs: token }
      engine.transfer(transfer, (nowNs) => ends.push(nowNs))
    })
    start.at(10, Phase.control, 0)
    start.at(10, Phase.control, 900)
  }).run()
  // 10 + 100 + 50 · 2, and the instant of the last byte.
  expect(ends).toEqual([210, 900])
})

it('says which pool lacks a network', () => {
  const simulation = withEngine((engine) => {
    const start = engine.timer(() => engine.transfer({ source: 0, target: 1, bytes: 1, availableFromNs: 0, availableToNs: 0 }, () => {}))
    start.at(0, Phase.control, 0)
  }, false)
  expect(() => simulation.run()).toThrow(/names no network/)
})

it('carries a column of a technique into the result, and counts', () => {
  const simulation = withEngine((engine) => {
    const column = engine.requestColumn()
    engine.resultColumn('mark', 'tokens', column)
    const counter = engine.counter('marks')
    const mark = engine.timer(() => {
      column.values[0] = 42
      counter.value++
    })
    mark.at(1, Phase.control, 0)
  })
  const result = simulation.run()
  expect(result.counters).toEqual({ marks: 1 })
  const [added] = simulation.results.requests.addedColumns
  expect(added).toMatchObject({ name: 'mark', unit: 'tokens' })
  const order = simulation.results.requests.column('arrivalIndex')
  expect(added!.values[order.indexOf(0)]).toBe(42)
  expect(added!.values[order.indexOf(1)]).toBe(0)
})
