import {
  admission,
  clusterTechnique,
  controller,
  device,
  eviction,
  fabric,
  modelSource,
  network,
  type Plugin,
  Registry,
  router,
  scheduler,
  technique,
  workload,
} from '@servesim/core'
import { admissionSuites } from './admission.js'
import { clusterTechniqueSuites } from './cluster-technique.js'
import { controllerSuites } from './controller.js'
import { deviceSuites } from './device.js'
import { evictionSuites } from './eviction.js'
import { fabricSuites } from './fabric.js'
import { modelSourceSuites } from './model-source.js'
import { networkSuites } from './network.js'
import { register } from './register.js'
import { routerSuites } from './router.js'
import { schedulerSuites } from './scheduler.js'
import type { Suite, SuiteOptions } from './suite.js'
import { techniqueSuites } from './technique.js'
import { workloadSuites } from './workload.js'

/** The suites of an extension point; a kind of plugin that has none is missing here. */
const suitesByPoint = new Map<string, (plugin: Plugin, options: SuiteOptions) => Suite[]>([
  [admission.id, admissionSuites],
  [clusterTechnique.id, clusterTechniqueSuites],
  [controller.id, controllerSuites],
  [device.id, (plugin, options) => deviceSuites(plugin, { options })],
  [eviction.id, evictionSuites],
  [fabric.id, fabricSuites],
  [modelSource.id, modelSourceSuites],
  [network.id, networkSuites],
  [router.id, routerSuites],
  [scheduler.id, schedulerSuites],
  [technique.id, (plugin, options) => techniqueSuites(plugin, { options })],
  [workload.id, workloadSuites],
])

/**
 * What every plugin must do, at each extension point where it provides something: the one line of a conformance test.
 * @param options of its providers where their defaults are not enough: for all, or by name
 */
export function describePlugin(plugin: Plugin, options: SuiteOptions = {}): void {
  register(conformanceSuites(plugin, options))
}

/** The laws that a plugin must obey, for a test runner that `describePlugin` does not know. */
export function conformanceSuites(plugin: Plugin, options: SuiteOptions = {}): Suite[] {
  const registry = new Registry([plugin])
  return [...suitesByPoint].flatMap(([id, suites]) =>
    registry.all({ id, contract: 1, cardinality: 'named', scope: 'cluster' }).length === 0 ? [] : suites(plugin, options),
  )
}
