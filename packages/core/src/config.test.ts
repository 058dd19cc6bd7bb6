import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseOptions, parseScenario } from './config.js'
import { isServesimError, ServesimError } from './errors.js'

const minimal = { workload: { use: 'poisson' }, pools: [{ model: 'm', device: 'd', scheduler: { use: 's' } }] }

function errorOf(act: () => unknown): ServesimError {
  try {
    act()
  } catch (error) {
    if (isServesimError(error)) return error
    throw error
  }
  throw new Error('Nothing was thrown.')
}

it('fills in what a scenario leaves out', () => {
  const scenario = parseScenario(minimal)
  expect(scenario).toMatchObject({ schemaVersion: 1, seed: 0, latencyFrom: 'arrival' })
  expect(scenario.pools[0]).toMatchObject({
    count: 1,
    parallelism: { tensor: 1, pipeline: 1, expert: 1 },
    techniques: [],
    kvCacheDtype: 'auto',
  })
})

describe('an error in a scenario', () => {
  const pool = minimal.pools[0]!
  it.each<[string, unknown, string]>([
    ['a misspelt option', { ...minimal, pools: [{ ...pool, cuont: 2 }] }, 'pools[0].cuont'],
    ['a missing model', { ...minimal, pools: [{ ...pool, model: undefined }] }, 'pools[0].model'],
    ['a number of the wrong kind', { ...minimal, pools: [{ ...pool, count: 1.5 }] }, 'pools[0].count'],
    ['NaN', { ...minimal, seed: Number.NaN }, 'seed'],
    [
      'a share above 1',
      { ...minimal, pools: [{ ...pool, memory: { gpuMemoryUtilization: 1.1 } }] },
      'pools[0].memory.gpuMemoryUtilization',
    ],
    ['no pool', { ...minimal, pools: [] }, 'pools'],
    ['a choice without a name', { ...minimal, pools: [{ ...pool, techniques: [{}] }] }, 'pools[0].techniques[0].use'],
    ['a newer schema', { ...minimal, schemaVersion: 2 }, 'schemaVersion'],
    ['no object', 7, ''],
  ])('says where %s is', (_what, input, path) => {
    expect(errorOf(() => parseScenario(input))).toMatchObject({ code: 'SERVESIM_BAD_OPTION', path })
  })

  it('lists the options there are and those that are spelt alike', () => {
    const error = errorOf(() => parseScenario({ ...minimal, pools: [{ ...pool, parallelism: { tensro: 2 } }] }))
    expect(error.message).toContain('known: tensor, pipeline, expert')
    expect(error.hint).toBe('Did you mean "tensor"?')
  })

  it('formats as code, place, sentence and hint, without a stack', () => {
    expect(new ServesimError('SERVESIM_BAD_OPTION', 'a.b', 'It is wrong.', 'Change it.').format()).toBe(
      'SERVESIM_BAD_OPTION at a.b\nIt is wrong.\nHint: Change it.',
    )
  })
})

it('checks the options of a choice without its name', () => {
  const schema = z.strictObject({ weight: z.number().default(4) })
  expect(parseOptions(schema, { use: 'x' }, 'router')).toEqual({ weight: 4 })
  expect(errorOf(() => parseOptions(schema, { use: 'x', wieght: 1 }, 'router')).path).toBe('router.wieght')
})
