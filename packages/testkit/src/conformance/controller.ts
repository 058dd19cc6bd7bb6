import { controller, definePlugin, type Plugin, Registry, type Router, router, type SimulationInput } from '@servesim/core'
import { z } from 'zod'
import { randomRequests } from '../random-requests.js'
import { smallScenario } from '../scenario.js'
import { providerChecks } from './provider.js'
import { runChecks } from './runs.js'
import { optionsFor, type Suite, type SuiteOptions } from './suite.js'

const runs = 40
const replicaCount = 3

/** Takes replicas in turn, those that take requests. */
const inTurn = definePlugin('controller-suite-router', (host) => {
  host.provide(router, {
    name: 'in-turn',
    description: 'Takes replicas in turn.',
    options: z.strictObject({}),
    build(): Router {
      let turn = 0
      return {
        reads: 'shape',
        route(_request, view) {
          do turn = (turn + 1) % view.replicaCount
          while (!view.takesRequests(turn))
          return turn
        },
      }
    },
  })
})

/** What every controller must do. @param options of the controller, where its defaults are not enough */
export function controllerSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(controller).map(({ provided }) => {
    const choice = { use: provided.name, ...optionsFor(allOptions, provided.name) }
    const scenario = (number: number): SimulationInput => ({
      ...smallScenario({
        plugins: [plugin, inTurn],
        requests: randomRequests(number),
        router: { use: 'in-turn' },
        controllers: [choice],
        pool: { count: replicaCount },
      }),
      seed: number,
    })
    return { title: `controller ${provided.name}`, checks: [...providerChecks(plugin, controller, provided), ...runChecks(scenario, runs)] }
  })
}
