import {
  type DeviceProvider,
  definePlugin,
  device,
  eviction,
  modelSource,
  type Network,
  network,
  type Plugin,
  type Provider,
  type Router,
  type RouterContext,
  router,
  type StepCost,
  scheduler,
  stepCost,
  technique,
  type Workload,
  workload,
} from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { toyParts } from '../scenario.js'
import { toyDevices } from '../toy-device.js'
import { toyJitter } from '../toy-jitter.js'
import { toyModel } from '../toy-model.js'
import { toySchedulers } from '../toy-scheduler.js'
import { describeDevice } from './device.js'
import { conformanceSuites, describePlugin } from './plugin.js'
import { describeScheduler } from './scheduler.js'
import { describeTechnique } from './technique.js'

const list = (requests: object[]) => ({ requests })
const request = { arrivalNs: 5, promptTokens: 3, outputTokens: 2 }

describePlugin(toyParts, (name) => (name === 'list' ? list([request, request]) : {}))
describeDevice(toyDevices, { tensorParallel: 2 })
describeTechnique(toyJitter)
describeScheduler(toySchedulers, { maxNumSeqs: 2 })

const none = z.strictObject({})
const described = { description: 'Broken.', options: none }
const routerOf = (route: Router['route'], more: Partial<Provider<Router, RouterContext>> = {}) =>
  definePlugin('broken', (host) =>
    host.provide(router, { name: 'broken', ...described, build: () => ({ reads: 'shape', route }), ...more }),
  )
const toyDevice = provided<DeviceProvider>(toyDevices, device.id)

/** What a plugin hands over at a point. */
function provided<Provided>(plugin: Plugin, point: string): Provided {
  let found: unknown
  plugin.setup({
    provide: (at: { id: string }, one: unknown) => {
      if (at.id === point) found = one
    },
  } as never)
  return found as Provided
}

let turns = 0

/** A plugin with one defect, and what is said of it. */
const defects: [string, Plugin, RegExp][] = [
  ['an unknown replica', routerOf(() => 3), /It chose replica 3 of 3/],
  ['no replica', routerOf(() => 0.5), /It chose replica 0.5 of 3/],
  ['a replica that takes no requests', routerOf(() => 0), /It chose replica 0, which takes no requests/],
  ['a choice by what is not shown', routerOf(() => turns++ % 2), /From the same view it chose replica/],
  ['a name with capitals', routerOf(() => 0, { name: 'MyRouter' }), /not in kebab-case/],
  ['no description', routerOf(() => 0, { description: ' ' }), /has no description/],
  [
    'an option without description',
    routerOf(() => 0, { options: z.strictObject({ weight: z.number().optional() }) }),
    /"weight" is not described/,
  ],
  ['options that take anything', routerOf(() => 0, { options: z.object({}) }), /taken without complaint/],
  [
    'a router that thinks for long',
    routerOf((_, view) => {
      for (const until = performance.now() + 0.15; view.prompt?.tokens === 100 && performance.now() < until; );
      return 0
    }),
    /A decision takes \d+\.\d µs, the budget is 100 µs/,
  ],
  [
    'a device that takes less for more',
    definePlugin('broken', (host) =>
      host.provide(device, {
        ...toyDevice,
        build: (options, context) => {
          const built = toyDevice.build(options, context)
          const compile: typeof built.compile = (graph, how) => ({
            ...built.compile(graph, how),
            latency: (_operator, rows) => ({ ns: 1e6 / rows, provenance: 'analytic' }),
          })
          return { ...built, compile }
        },
      }),
    ),
    /linear for 3 rows takes 333333/,
  ],
  [
    'a price of a run that is not that of its steps',
    definePlugin('broken', (host) => {
      const wrap = (next: StepCost): StepCost => ({
        reads: next.reads,
        price: (step, startNs, out) => {
          next.price(step, startNs, out)
          out.fixedNs += 10
        },
        priceRun: (step, count, startNs, out) => next.priceRun(step, count, startNs, out),
      })
      host.provide(technique, { name: 'broken', ...described, build: (_, context) => context.claim(stepCost, { name: 'broken', wrap }) })
    }),
    /Run \d+ differs at requests\.\w+\[\d+\]: \d+ in stretches, \d+ step by step/,
  ],
  [
    'a link that says less than what it wraps',
    definePlugin('broken', (host) => {
      const wrap = (next: StepCost): StepCost => ({
        reads: 'shape',
        price: (step, startNs, out) => next.price(step, startNs, out),
        priceRun: (step, count, startNs, out) => next.priceRun(step, count, startNs, out),
      })
      host.provide(technique, { name: 'broken', ...described, build: (_, context) => context.claim(stepCost, { name: 'broken', wrap }) })
    }),
    /hand on next\.reads/,
  ],
  [
    'a network on which more takes less',
    definePlugin('broken', (host) =>
      host.provide(network, {
        name: 'broken',
        ...described,
        build: (): Network => ({
          reads: 'shape',
          provenance: 'analytic',
          assumptions: [],
          collectiveNs: (_, __, bytes) => 1e9 / bytes,
          transferNs: () => 1,
        }),
      }),
    ),
    /fewer bytes took/,
  ],
  [
    'requests that arrive in the past',
    definePlugin('broken', (host) =>
      host.provide(workload, {
        name: 'broken',
        ...described,
        build: () => {
          let left = 3
          return {
            requestCount: 3,
            prefixGroupTokens: 0,
            next: (out) => {
              out.arrivalNs = left
              out.promptTokens = out.outputTokens = 1
              return left-- > 0 ? 1 : 0
            },
          }
        },
      }),
    ),
    /Request 1 arrives at 2 ns, the one before at 3 ns/,
  ],
  [
    'a workload that waits for nobody',
    definePlugin('broken', (host) =>
      host.provide(workload, {
        name: 'broken',
        ...described,
        build: (): Workload => ({ requestCount: undefined, prefixGroupTokens: 0, next: () => 2 }),
      }),
    ),
    /it still waits for an end/,
  ],
  [
    'a victim that changes when asked',
    definePlugin('broken', (host) =>
      host.provide(eviction, {
        name: 'broken',
        ...described,
        build: () => ({ release() {}, reference() {}, split() {}, victim: () => turns++ }),
      }),
    ),
    /victim must be pure/,
  ],
  [
    'a scheduler that forgets who waits',
    definePlugin('broken', (host) => {
      const toy = provided<Parameters<typeof host.provide>[1] & { build: (...args: never[]) => object }>(toySchedulers, scheduler.id)
      host.provide(scheduler, {
        ...(toy as object),
        name: 'broken',
        build: (...args: never[]) => Object.assign(Object.create(toy.build(...args)), { enqueue() {} }),
      } as never)
    }),
    /requests|finished/,
  ],
  [
    'a source that lists what it does not know',
    definePlugin('broken', (host) => host.provide(modelSource, { name: 'broken', list: () => ['toy', 'other'], resolve: () => toyModel })),
    /"other" is listed and resolves to "toy"/,
  ],
]

describe('what is wrong with a plugin is said', () => {
  test.each(defects)('%s', (_, plugin, said) => {
    const failures: string[] = []
    for (const { run } of conformanceSuites(plugin).flatMap(({ checks }) => checks)) {
      failures.push(...messageOf(run))
      if (failures.some((failure) => said.test(failure))) return
    }
    expect(failures).toContainEqual(expect.stringMatching(said))
  })

  test('a plugin of another kind is no plugin that passed', () => {
    expect(() => describeTechnique(toyDevices)).toThrow('nothing of this kind')
  })
})

function messageOf(run: () => void): string[] {
  try {
    run()
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}
