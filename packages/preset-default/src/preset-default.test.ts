import { createSimulation, type Plugin, parseScenario } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { defaultScenario, presetDefault } from './index.js'

const short = { ...defaultScenario, workload: { ...defaultScenario.workload, requestCount: 100 } }
const run = (plugins: readonly Plugin[]) => createSimulation({ ...short, plugins }).run()

describe('the default preset', () => {
  test('serves the default scenario to its end', () => {
    const { requests, metrics, timeByProvenance } = run([presetDefault])
    expect(requests).toEqual({ arrived: 100, finished: 100, refused: 0, aborted: 0, lost: 0 })
    expect(metrics.every(({ value }) => value > 0)).toBe(true)
    expect(timeByProvenance.analytic).toBeGreaterThan(0)
  })

  test('gives the same whatever the order of its plugins', () => {
    const plugins = presetDefault.plugins!
    const result = run([presetDefault])
    expect(run(plugins)).toEqual(result)
    expect(run(plugins.toReversed())).toEqual(result)
    expect(run([...plugins.slice(5), ...plugins.slice(0, 5)])).toEqual(result)
  })

  test('prices collectives inside a node over its links as the network of a pool does', () => {
    const pool = { ...short.pools[0]!, parallelism: { tensor: 4 } }
    const metrics = (more: { network?: { use: string } }) =>
      createSimulation({ ...short, pools: [{ ...pool, ...more }], plugins: [presetDefault] }).run().metrics
    expect(metrics({})).toEqual(metrics({ network: { use: 'analytical' } }))
  })

  test('names in the default scenario what servesim run shall use', () => {
    const { router, pools } = parseScenario(defaultScenario)
    expect(router!.use).toBe('least-loaded')
    expect(pools[0]!.techniques.map(({ use }) => use)).toEqual(['prefix-caching', 'cuda-graphs', 'host-time', 'decode-straggler'])
  })
})
