import { describe, expect, test } from 'vitest'
import { completeScenario } from './complete.js'

const defaults = {
  workload: { use: 'poisson', ratePerSecond: 8, promptTokens: 512 },
  router: { use: 'least-loaded' },
  pools: [{ model: 'a/b', device: 'h100', scheduler: { use: 'vllm', maxNumSeqs: 128 }, techniques: [{ use: 'x' }, { use: 'y' }] }],
}

describe('completing a scenario', () => {
  test('an empty one is the defaults', () => expect(completeScenario({}, defaults)).toEqual(defaults))

  test('options of the same provider are merged, those of another are not', () => {
    expect(completeScenario({ workload: { ratePerSecond: 2 } }, defaults)).toMatchObject({
      workload: { use: 'poisson', ratePerSecond: 2, promptTokens: 512 },
    })
    expect(completeScenario({ workload: { use: 'poisson', ratePerSecond: 2 } }, defaults)).toMatchObject({
      workload: { promptTokens: 512 },
    })
    expect(completeScenario({ workload: { use: 'closed-loop' } }, defaults)).toMatchObject({ workload: { use: 'closed-loop' } })
    expect((completeScenario({ workload: { use: 'closed-loop' } }, defaults) as typeof defaults).workload.promptTokens).toBeUndefined()
  })

  test('a pool that lists techniques has exactly those', () => {
    const { pools } = completeScenario(
      { pools: [{ techniques: [] }, { count: 2, techniques: [{ use: 'z' }] }, {}] },
      defaults,
    ) as typeof defaults
    expect(pools.map((pool) => pool.techniques)).toEqual([[], [{ use: 'z' }], defaults.pools[0]!.techniques])
    expect(pools.map((pool) => pool.model)).toEqual(['a/b', 'a/b', 'a/b'])
  })

  test.each([null, 3, 'text', []])('%j stays what it is, for the schema to refuse', (input) =>
    expect(completeScenario(input, defaults)).toEqual(input),
  )

  test('pools that are no list, and pools that are no objects, stay what they are', () => {
    expect(completeScenario({ pools: 3 }, defaults)).toMatchObject({ pools: 3 })
    expect(completeScenario({ pools: [3] }, defaults)).toMatchObject({ pools: [3] })
  })
})
