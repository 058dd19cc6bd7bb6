import { clusterTechnique, type Plugin, Registry } from '@servesim/core'
import { providerChecks } from './provider.js'
import type { Suite } from './suite.js'

/** What every technique of the cluster must do, whatever pools it needs. */
export function clusterTechniqueSuites(plugin: Plugin): Suite[] {
  return new Registry([plugin])
    .all(clusterTechnique)
    .map(({ provided }) => ({ title: `cluster technique ${provided.name}`, checks: providerChecks(plugin, clusterTechnique, provided) }))
}
