import { smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { z } from 'zod'
import type { ScenarioInput } from './config.js'
import type { Engine } from './engine.js'
import { Phase } from './event-queue.js'
import { definePlugin } from './plugin.js'
import { type TechniqueContext, technique } from './points/index.js'
import { createSimulation } from './simulation.js'

const requests = [
  { arrivalNs: 0, promptTokens: 8, outputTokens: 4 },
  { arrivalNs: 50, promptTokens: 4, outputTokens: 2 },
]

/** A pool whose one technique is built by `build`. */
function withTechnique(
  build: (context: TechniqueContext) => void,
  pool: Partial<ScenarioInput['pools'][number]>,
  fabric = { use: 'toy-fabric', latencyNs: 100, byteNs: 2 },
) {
  const plugin = definePlugin('probe', (host) => {
    host.provide(technique, {
      name: 'probe',
      description: 'Test.',
      options: z.strictObject({}),
      build: (_options, context) => build(context),
    })
  })
  const probed = { ...pool, techniques: [{ use: 'probe' }] }
  const router = { use: 'to-first' }
  return createSimulation(smallScenario({ requests, pool: probed, plugins: [plugin, toFirstReplica], router, fabric }))
}

/** Two replicas, and a technique that is handed the engine. */
function withEngine(use: (engine: Engine) => void) {
  return withTechnique(({ engine }) => use(engine), { count: 2 })
}

const [first, second] = [{ replica: 0 }, { replica: 1 }]

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
      const transfer = { source: first, target: second, bytes: 50, availableFromNs: 0, availableToNs: token }
      engine.transfer(transfer, (nowNs) => ends.push(nowNs))
    })
    start.at(10, Phase.control, 0)
    start.at(10, Phase.control, 900)
  }).run()
  // 10 + 100 + 50 · 2, and the instant of the last byte.
  expect(ends).toEqual([210, 900])
})

it('drops what was set going for a replica that died since', () => {
  const seen: string[] = []
  const simulation = withEngine((engine) => {
    const timer = engine.timer((token) => {
      seen.push(`timer ${token}`)
      if (token > 0) return
      engine.transfer({ source: first, target: second, bytes: 50 }, () => seen.push('to the dead'))
      engine.transfer({ source: second, target: first, bytes: 50 }, () => seen.push('from the dead'))
      engine.transfer({ source: first, target: first, bytes: 50 }, () => seen.push('transfer'))
      engine.replicaDied(1)
      timer.at(30, Phase.control, 4, 1)
    })
    timer.at(10, Phase.control, 0)
    timer.at(20, Phase.control, 1)
    timer.at(20, Phase.control, 2, 0)
    timer.at(20, Phase.control, 3, 1)
  })
  simulation.run()
  expect(seen).toEqual(['timer 0', 'timer 1', 'timer 2', 'timer 4', 'transfer'])
})

it('moves an alarm about, and takes it back', () => {
  const seen: number[] = []
  withEngine((engine) => {
    const alarm = engine.alarm(Phase.control, (nowNs) => {
      seen.push(nowNs)
      if (nowNs === 30) alarm.set(35)
    })
    const timer = engine.timer(() => alarm.set(Number.POSITIVE_INFINITY))
    alarm.set(20)
    alarm.set(30)
    timer.at(32, Phase.control, 0)
  }).run()
  expect(seen).toEqual([30])
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

it('takes what techniques claim from the KV blocks, and names it where nothing is left', () => {
  const planWith = (bytes: number, bytesPerToken: number) => {
    const { pools } = withTechnique(
      ({ memoryClaim }) => {
        memoryClaim({ purpose: 'draft weights', bytes })
        memoryClaim({ purpose: 'draft KV', bytesPerToken })
      },
      { memory: {} },
    )
    return pools[0]!.memory
  }
  const without = planWith(0, 0)
  const left = without.usableBytes - without.weightBytes - without.activationBytes - without.contextBytes
  const { blockSizeTokens } = withTechnique(() => {}, {}).pools[0]!.limits
  const bytesPerBlock = without.bytesPerBlock + 3 * blockSizeTokens
  const claimed = planWith(1_000_000, 3)
  expect(claimed).toMatchObject({ claimedBytes: 1_000_000, bytesPerBlock, blocks: Math.floor((left - 1_000_000) / bytesPerBlock) })
  expect(claimed.blocks).toBeLessThan(without.blocks)
  expect(() => planWith(without.deviceBytes, 8)).toThrow(/draft weights [\d.]+ GiB, draft KV 8 bytes per token/)
})
