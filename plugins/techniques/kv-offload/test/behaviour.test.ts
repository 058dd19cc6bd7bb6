import { createSimulation, isServesimError, type ScenarioInput } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { roundRobin } from '@servesim/router-round-robin'
import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { type ListedRequest, PrefixIds, recordSchedule, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { kvOffload } from '../src/index.js'

const blockSizeTokens = 4
const plugins = [vllmScheduler, sglangScheduler, prefixCaching, lru, roundRobin, kvOffload]
const ids = new PrefixIds()
const textOf = (letter: string) => ids.of(Array.from({ length: 12 }, (_, i) => `${letter}${i}`))

/** One after the other: a text, another that pushes it out of the device's 12 blocks, the first again. */
const backAgain: ListedRequest[] = [
  { arrivalNs: 0, promptTokens: 40, outputTokens: 1, prefixIds: textOf('a') },
  { arrivalNs: 5e6, promptTokens: 40, outputTokens: 1, prefixIds: textOf('b') },
  { arrivalNs: 10e6, promptTokens: 40, outputTokens: 1, prefixIds: textOf('a') },
]

type Pool = Partial<ScenarioInput['pools'][number]>

function scenario(requests: ListedRequest[], offload: object = {}, rest: { pool?: Pool; fabric?: object; scheduler?: string } = {}) {
  const { pool = {}, fabric = {}, scheduler = 'vllm' } = rest
  return smallScenario({
    plugins,
    requests,
    prefixGroupTokens: blockSizeTokens,
    blocks: 13,
    fabric: { use: 'toy-fabric', ...fabric },
    router: { use: 'round-robin' },
    pool: {
      scheduler: { use: scheduler, blockSizeTokens },
      techniques: [{ use: 'prefix-caching' }, { use: 'kv-offload', ...offload }],
      ...pool,
    },
  })
}

const columnOf = (simulation: ReturnType<typeof runChecked>, name: string) =>
  Array.from(simulation.results.requests.addedColumns.find((column) => column.name === name)!.values)

describe.each(['vllm', 'sglang'])('host memory behind the device, under %s', (scheduler) => {
  it.each(['write-through', 'on-eviction'])('finds again what the device has lost: %s', (store) => {
    const simulation = runChecked(scenario(backAgain, { store }, { scheduler }))
    // With what is still on the device it is all of the prompt; only its last token is computed again.
    const [, , tokens] = columnOf(simulation, 'hostHitTokens')
    expect(tokens).toBeGreaterThan(27)
    expect(simulation.results.requests.column('cachedTokens')[2]).toBe(39)
    expect(simulation.result().counters.hostHitTokens).toBe(tokens)
  })

  it('finds nothing where nothing was lost or the memory is too small', () => {
    expect(columnOf(runChecked(scenario(backAgain.slice(0, 2), {}, { scheduler })), 'hostHitTokens')).toEqual([0, 0])
    const small = runChecked(scenario(backAgain, { deviceRatio: 0.01 }, { scheduler }))
    expect(columnOf(small, 'hostHitTokens')[2]).toBeLessThan(8)
  })
})

it('lets others step while a load is under way', () => {
  // 40 tokens of 2 ns a byte take far longer than a step of some 2 µs.
  const other = { arrivalNs: 10e6, promptTokens: 4, outputTokens: 3 }
  const { forms, simulation } = recordSchedule(scenario([...backAgain, other], {}, { fabric: { byteNs: 2 } }))
  const at = forms.findIndex(({ loads }) => loads !== undefined)
  const back = forms.findIndex(({ scheduled }, i) => i >= at && scheduled.some(([request]) => request === 2))
  const between = forms.slice(at, back).filter(({ scheduled }) => scheduled.some(([request]) => request === 3))
  expect(between).toHaveLength(3)
  expect(simulation.results.finished).toBe(4)
})

it('waits half as long over links of twice the bandwidth', () => {
  const waitNs = (byteNs: number) =>
    columnOf(runChecked(scenario(backAgain, {}, { scheduler: 'sglang', fabric: { byteNs, latencyNs: 0 } })), 'hostLoadWaitNs')[2]!
  expect(waitNs(4) / waitNs(2)).toBeCloseTo(2, 5)
  expect(waitNs(2)).toBeGreaterThan(0)
})

describe('load or recompute', () => {
  // Nothing else runs, so what a prefill of 40 tokens takes alone is known: its time to first token.
  const computeNs = (() => {
    const { requests } = runChecked(scenario(backAgain.slice(0, 1))).results
    return requests.column('firstTokenNs')[0]! - requests.column('arrivalNs')[0]!
  })()
  const loaded = (latencyNs: number, load: string) =>
    columnOf(runChecked(scenario(backAgain, { load }, { fabric: { byteNs: 0, latencyNs } })), 'hostHitTokens')[2]! > 0

  it('loads where that is sooner', () => {
    expect(loaded(Math.floor(computeNs / 2), 'sooner')).toBe(true)
  })

  it('computes where that is sooner, unless it is to load always', () => {
    expect(loaded(2 * computeNs, 'sooner')).toBe(false)
    expect(loaded(2 * computeNs, 'always')).toBe(true)
  })
})

it('shares between the replicas of a host, and of no other', () => {
  // In turn: replica 0 computes a text, replica 1 is asked for it.
  const requests = [backAgain[0]!, { ...backAgain[0]!, arrivalNs: 5e6 }]
  const hit = (offload: object, pool: Pool = {}) =>
    columnOf(runChecked(scenario(requests, offload, { pool: { count: 2, ...pool } })), 'hostHitTokens')[1]!
  expect(hit({ scope: 'host' })).toBe(40)
  expect(hit({ scope: 'replica' })).toBe(0)
  expect(hit({ scope: 'host' }, { devicesPerNode: 1 })).toBe(0)
})

it('lets one request load what two ask for', () => {
  const requests = [...backAgain, { ...backAgain[2]!, arrivalNs: 10e6 + 1 }]
  const simulation = runChecked(scenario(requests))
  const [, , third, fourth] = columnOf(simulation, 'hostHitTokens')
  expect(third).toBeGreaterThan(0)
  // The device has all but the last block, which the first of the two has computed anew in part.
  expect(fourth).toBe(4)
  expect(simulation.results.requests.column('cachedTokens')[3]).toBe(39)
})

it('asks for prefix caching where there is none', () => {
  const input = scenario(backAgain, {}, { pool: { techniques: [{ use: 'kv-offload' }] } })
  try {
    createSimulation(input)
    expect.unreachable()
  } catch (error) {
    expect(isServesimError(error) && error.hint).toContain('prefix-caching')
  }
})

it('says in the summary that generated blocks are looked at one by one', () => {
  const ruledOut = (offload: object) => createSimulation(scenario(backAgain, offload)).run().steps.ruledOut
  expect(ruledOut({})).toEqual([{ pool: 'pools[0]', by: ['kv-offload'] }])
  expect(ruledOut({ generated: false })).toEqual([])
})
