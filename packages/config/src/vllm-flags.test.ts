import { Registry, scenarioSchema } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { toyScenario, toys } from '../test/toy-plugins.js'
import { vllmFlags } from './vllm-flags.js'

const registry = new Registry([toys])
const apply = (name: string, value: string | boolean, scenario: unknown = toyScenario) =>
  vllmFlags.find((flag) => flag.name === name)!.apply(scenario, value, registry)

describe('flags of vLLM', () => {
  test('reach every pool', () => {
    const two = { ...toyScenario, pools: [...toyScenario.pools, ...toyScenario.pools] }
    expect(apply('max-num-seqs', '64', two)).toMatchObject({
      pools: [{ scheduler: { maxNumSeqs: 64 } }, { scheduler: { maxNumSeqs: 64 } }],
    })
    expect(apply('pipeline-parallel-size', '4')).toMatchObject({ pools: [{ parallelism: { pipeline: 4 } }] })
    expect(apply('tensor-parallel-size', '2')).toMatchObject({ pools: [{ parallelism: { tensor: 2 } }] })
  })

  test('that set members of a pool set members it has', () => {
    const values: Record<string, string> = { 'kv-cache-dtype': 'fp8', 'gpu-memory-utilization': '0.5' }
    for (const flag of vllmFlags.filter(({ kind }) => kind === 'value')) {
      const changed = flag.apply(toyScenario, values[flag.name] ?? '1', registry)
      expect(scenarioSchema.safeParse(changed).error, flag.name).toBeUndefined()
      expect(changed, flag.name).not.toEqual(toyScenario)
    }
  })

  test('prefix caching is switched on once and off', () => {
    const on = apply('enable-prefix-caching', true)
    expect(on).toMatchObject({ pools: [{ techniques: [{ use: 'prefix-caching' }, { use: 'toy-cache' }] }] })
    expect(apply('enable-prefix-caching', true, on)).toEqual(on)
    expect(apply('enable-prefix-caching', false, on)).toEqual(toyScenario)
  })
})
