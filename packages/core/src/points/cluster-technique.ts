import type { Engine } from '../engine.js'
import { definePoint, type Point } from './point.js'
import type { OptionsSchema, Provider } from './provider.js'

/** What a technique of the whole cluster may do while it is built, before the pools are. */
export interface ClusterTechniqueContext {
  /** Path of the technique in the scenario, for errors. */
  path: string
  /** Adds a contribution to a `single` or `chain` point of the cluster. */
  claim<Provided>(point: Point<Provided>, contribution: Provided): void
  /** Adds a contribution to a point of every pool of a role, ahead of what the pool's own techniques claim. */
  claimIn<Provided>(role: string, point: Point<Provided>, contribution: Provided): void
  /** Timers, transfers, holds, columns and counters; to be used while events run. */
  readonly engine: Engine
  /** Adds a sentence to the summary's assumptions. */
  assume(sentence: string): void
}

/** A technique that takes several pools: named, switched on in the scenario's own `techniques`, claims points and nothing else. */
export type ClusterTechniqueProvider<Schema extends OptionsSchema = OptionsSchema> = Provider<void, ClusterTechniqueContext, Schema>

export const clusterTechnique = definePoint<ClusterTechniqueProvider>({
  id: 'servesim/cluster-technique',
  contract: 1,
  cardinality: 'named',
  scope: 'cluster',
})
