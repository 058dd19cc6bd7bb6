import { type Choice, parseOptions, type Scenario } from './config.js'
import type { Registry } from './plugin.js'
import { type Admission, type AdmissionContext, admission } from './points/admission.js'
import { type Controller, type ControllerContext, controller } from './points/controller.js'
import type { Point } from './points/point.js'
import type { Provider } from './points/provider.js'
import type { RandomSource } from './random.js'
import type { RequestTable } from './request-table.js'

/** The admission policies of the scenario, in the order in which they are asked. */
export function buildAdmissions(
  { admission: choices }: Scenario,
  replicaCount: number,
  requests: RequestTable,
  registry: Registry,
  random: RandomSource,
): Admission[] {
  const context = (path: string, i: number): AdmissionContext => ({ path, replicaCount, requests, random: random.stream('admission', i) })
  return buildAll(choices, 'admission', admission, registry, context)
}

/** The controllers of the scenario, in the order written. */
export function buildControllers({ controllers }: Scenario, replicaCount: number, registry: Registry, random: RandomSource): Controller[] {
  const context = (path: string, i: number): ControllerContext => ({ path, replicaCount, random: random.stream('controller', i) })
  return buildAll(controllers, 'controllers', controller, registry, context)
}

function buildAll<Part, Context>(
  choices: readonly Choice[],
  key: string,
  point: Point<Provider<Part, Context>>,
  registry: Registry,
  context: (path: string, i: number) => Context,
): Part[] {
  return choices.map((choice, i) => {
    const path = `${key}[${i}]`
    const provider = registry.named(point, choice.use, `${path}.use`)
    return provider.build(parseOptions(provider.options, choice, path), context(path, i))
  })
}
