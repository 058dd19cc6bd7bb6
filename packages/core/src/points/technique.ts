import type { Engine } from '../engine.js'
import type { MemoryClaim } from '../memory-plan.js'
import type { Model, OperatorGraph, Parallelism } from '../operators.js'
import type { Device } from './device.js'
import type { Eviction, EvictionContext } from './eviction.js'
import { definePoint, type Point } from './point.js'
import type { OptionsSchema, Provider } from './provider.js'
import type { SchedulerLimits } from './scheduler.js'

/** What a technique may do while it is built: claim points of its pool, ask for memory. */
export interface TechniqueContext {
  /** Path of the technique in the scenario, for errors. */
  path: string
  /** Adds a contribution to a `single` or `chain` point of this pool. A second claim of a `single` point is a conflict that names both. */
  claim<Provided>(point: Point<Provided>, contribution: Provided): void
  /** Takes device memory from the KV blocks: draft weights, adapters, a second cache beside the first. The plan names it. */
  memoryClaim(claim: MemoryClaim): void
  readonly pool: TechniquePool
  /** Builds another device for the pool's model, by its `use`. */
  device(choice: { use: string } & Record<string, unknown>): Device
  /** Builds an eviction policy by its `use`. */
  eviction(choice: { use: string } & Record<string, unknown>, context: EvictionContext): Eviction
  /** Timers, transfers, holds, columns and counters; to be used while events run. */
  readonly engine: Engine
  /** Adds a sentence to the summary's assumptions. */
  assume(sentence: string): void
}

/** Facts of a pool while its techniques are built. */
export interface TechniquePool {
  readonly model: Model
  readonly parallelism: Parallelism
  readonly limits: SchedulerLimits
  /** Another model by its id or `config.json`, as the pool's own is found. @throws ServesimError with near matches */
  resolveModel(reference: string | Record<string, unknown>, path: string): Model
  /** One rank's share of a model, whole layers, with the pool's tensor-parallel ranks and KV element type. */
  shard(model: Model): OperatorGraph
}

/** A serving technique: named, switched on in a pool's `techniques`, claims points and nothing else. */
export interface TechniqueProvider<Schema extends OptionsSchema = OptionsSchema> extends Provider<void, TechniqueContext, Schema> {
  /** `--<flag>` and `--no-<flag>` on the command line. */
  readonly flag?: string
}

export const technique = definePoint<TechniqueProvider>({ id: 'servesim/technique', contract: 1, cardinality: 'named', scope: 'pool' })
