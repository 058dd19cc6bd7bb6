import { forEachPool, type PathKey, withValueAt } from '@servesim/config'
import {
  admission,
  controller,
  createSimulation,
  device,
  eviction,
  isServesimError,
  network,
  Registry,
  router,
  type SimulationInput,
  scenarioSchema,
  scheduler,
  technique,
  workload,
} from '@servesim/core'
import { presetDefault } from '@servesim/preset-default'
import { parseTrace } from '@servesim/workload'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

/** No slip of a hand in any option may end in a hang, a crash or a wrong number: it is refused, or the run ends with numbers. */

const registry = new Registry([presetDefault])

const scenario = {
  schemaVersion: 1,
  name: 'tiny',
  seed: 0,
  latencyFrom: 'arrival',
  results: { keepRequests: 100 },
  workload: {
    use: 'poisson',
    ratePerSecond: 100,
    requestCount: 4,
    promptTokens: 40,
    outputTokens: 4,
    sharedPrefix: { groups: 1, tokens: 32 },
  },
  router: { use: 'least-loaded' },
  admission: [{ use: 'queue-limit' }],
  controllers: [{ use: 'faults', events: [{ atS: 0.01, replica: 1, action: 'kill' }] }],
  client: { timeoutS: 10 },
  pools: [
    {
      name: 'pool',
      count: 2,
      model: 'meta-llama/Llama-3.1-8B',
      device: { use: 'h100-sxm' },
      parallelism: { tensor: 2, pipeline: 1, expert: 1 },
      scheduler: { use: 'vllm', maxNumSeqs: 4, maxNumBatchedTokens: 64 },
      network: { use: 'analytical' },
      techniques: [
        { use: 'prefix-caching', eviction: { use: 'lru' } },
        { use: 'cuda-graphs' },
        { use: 'host-time' },
        { use: 'decode-straggler' },
      ],
      maxModelLenTokens: 4096,
      kvCacheDtype: 'auto',
      memory: { gpuMemoryUtilization: 0.9, numGpuBlocksOverride: 100, contextBytes: 0 },
    },
  ],
}

const wrong: [string, unknown][] = [
  ['missing', undefined],
  ['NaN', Number.NaN],
  ['negative', -1],
  ['1e30', 1e30],
  ['infinite', Number.POSITIVE_INFINITY],
  ['a fraction', 0.1],
  ['zero', 0],
  ['text', 'x'],
  ['empty text', ''],
  ['null', null],
  ['a list', []],
  ['an object', {}],
  ['true', true],
]

interface JsonSchema {
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  anyOf?: JsonSchema[]
}

/** Paths of every option of a schema, nested ones too. */
function optionPaths(schema: z.ZodType): PathKey[][] {
  const below = ({ properties = {}, items, anyOf = [] }: JsonSchema, path: PathKey[]): PathKey[][] => [
    ...Object.entries(properties).flatMap(([key, inner]) => [[...path, key], ...below(inner, [...path, key])]),
    ...(items?.properties === undefined ? [] : below(items, [...path, 0])),
    ...anyOf.flatMap((inner) => below(inner, path)),
  ]
  return below(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, [])
}

/** @returns how it ended; throws where it ended badly */
function outcome(input: unknown): 'refused' | 'ran' {
  try {
    const simulation = createSimulation({ ...(input as object), plugins: [presetDefault] } as unknown as SimulationInput)
    expect(simulation.advance({ maxEvents: 20_000 }), 'ends within 20,000 events').toBe(true)
    const { metrics, requests } = simulation.result()
    expect(requests.finished + requests.refused + requests.aborted + requests.lost).toBe(requests.arrived)
    for (const { metric, stat, value } of metrics) {
      // Nothing has a TPOT where every output is one token long.
      if (requests.finished > 0 && metric !== 'tpot' && metric !== 'itl') expect(value, `${metric} ${stat}`).toBeGreaterThanOrEqual(0)
    }
    return 'ran'
  } catch (error) {
    if (!isServesimError(error)) throw error
    expect(['SERVESIM_STALLED', 'SERVESIM_BROKEN_INVARIANT'], error.format()).not.toContain(error.code)
    expect(error.message.length).toBeGreaterThan(10)
    return 'refused'
  }
}

function withTechnique(choice: Record<string, unknown>): unknown {
  return forEachPool(scenario, (pool) => ({
    ...pool,
    techniques: [...(pool.techniques as { use: string }[]).filter(({ use }) => use !== choice.use), choice],
  }))
}

/** Every provider of the preset in a scenario that uses it, and where its options stand there. */
const uses = [
  ...registry.all(workload).map(({ provided }) => ({
    provided,
    at: ['workload'],
    base: withValueAt(scenario, ['workload'], { use: provided.name, ...generator(provided) }),
  })),
  ...registry
    .all(router)
    .map(({ provided }) => ({ provided, at: ['router'], base: withValueAt(scenario, ['router'], { use: provided.name }) })),
  ...registry
    .all(admission)
    .map(({ provided }) => ({ provided, at: ['admission', 0], base: withValueAt(scenario, ['admission', 0], { use: provided.name }) })),
  ...registry
    .all(controller)
    .map(({ provided }) => ({ provided, at: ['controllers', 0], base: withValueAt(scenario, ['controllers', 0], { use: provided.name }) })),
  ...registry.all(device).map(({ provided }) => ({
    provided,
    at: ['pools', 0, 'device'],
    base: withValueAt(scenario, ['pools', 0, 'device'], { use: provided.name }),
  })),
  ...registry.all(scheduler).map(({ provided }) => ({ provided, at: ['pools', 0, 'scheduler'], base: scenario })),
  ...registry.all(network).map(({ provided }) => ({ provided, at: ['pools', 0, 'network'], base: scenario })),
  ...registry
    .all(technique)
    .map(({ provided }) => ({ provided, at: ['pools', 0, 'techniques', 3], base: withTechnique({ use: provided.name }) })),
  ...registry.all(eviction).map(({ provided }) => ({
    provided,
    at: ['pools', 0, 'techniques', 3, 'eviction'],
    base: withTechnique({ use: 'prefix-caching', eviction: { use: provided.name } }),
  })),
]

function generator({ options }: { options: z.ZodObject }): object {
  const traced = { trace: parseTrace('{"input_toks": 40, "output_toks": 4, "arrival_time_ns": 0}') }
  return 'requestCount' in options.shape ? { requestCount: 4, promptTokens: 40, outputTokens: 4 } : traced
}

/** What stands around an option that is mutated, where the base scenario has another form of it. */
const around: Record<string, object> = { lognormal: { mean: 40, sigma: 0.5, min: 1, max: 100 } }

/** The scenario with a value set at a path; whatever else stands on the way gives way. */
function mutated(target: unknown, [key, ...rest]: PathKey[], value: unknown): unknown {
  if (key === undefined) return value
  if (typeof key === 'number') {
    const list: unknown[] = Array.isArray(target) ? target : []
    return Object.assign([...list], { [key]: mutated(list[key], rest, value) })
  }
  const own = typeof target === 'object' && target !== null ? (target as Record<string, unknown>) : {}
  const inner = rest.length > 0 ? (own[key] ?? around[key]) : undefined
  const kept = key in around ? {} : own
  return { ...kept, [key]: mutated(inner, rest, value) }
}

test('an option inside another is reached', () => {
  expect(mutated({ workload: { use: 'x', promptTokens: 40 } }, ['workload', 'promptTokens', 'lognormal', 'sigma'], 2)).toEqual({
    workload: { use: 'x', promptTokens: { lognormal: { mean: 40, sigma: 2, min: 1, max: 100 } } },
  })
})

describe('options of the scenario', () => {
  test('the tiny scenario itself runs', () => expect(outcome(scenario)).toBe('ran'))

  test.each(optionPaths(scenarioSchema).map((path) => [path.join('.'), path] as const))('%s', (_, path) => {
    for (const [, value] of wrong) outcome(mutated(scenario, path, value))
  })
})

describe.each(uses.map((use) => [use.provided.name, use] as const))('options of %s', (_, { provided, at, base }) => {
  test('an unknown one is refused', () => expect(outcome(withValueAt(base, [...at, 'noSuchOption'], 1))).toBe('refused'))

  test.each(optionPaths(provided.options).map((path) => [path.join('.'), path] as const))('%s', (_, path) => {
    for (const [, value] of wrong) outcome(mutated(base, [...at, ...path], value))
  })
})
