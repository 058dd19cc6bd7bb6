import type { EventQueue } from './event-queue.js'
import type { KvTier, KvTierContext } from './points/kv-tier.js'
import type { Network } from './points/network.js'
import type { StepCost } from './points/step-cost.js'
import type { RequestTable } from './request-table.js'
import type { RequestSink } from './results.js'
import type { Speculation } from './speculation.js'
import type { Step } from './step.js'
import type { StepUsage } from './step-usage.js'

/** How the tiers of a replica come about, from the outside. */
export type TierBuilder = (calls: Pick<KvTierContext, 'prefillNs' | 'landed' | 'failed' | 'changed' | 'free'>) => readonly KvTier[]

/** What all units of a simulation share. */
export interface UnitContext {
  requests: RequestTable
  events: EventQueue
  clock: { readonly nowNs: number }
  sink: RequestSink
  cost: StepCost
  usage: StepUsage
  /** Where collectives can meet flows: how long they keep the links busy in a priced step, and whom to tell of their share. */
  collectives: { linkNs(step: Step): number; load(replica: number, share: number): void } | undefined
  network: Network | undefined
  /** Steps formed and not completed: 1 synchronous, 2 asynchronous scheduling; each further pipeline stage allows one more. */
  depth: number
  /** Each pipeline stage's share of the layers; one entry without a pipeline. */
  stageShares: Float64Array
  maxSequences: number
  maxBatchedTokens: number
  /** Blocks can be shared as soon as they are allocated; else when their content has been computed (`SchedulerLimits.sharing`). */
  sharesEarly: boolean
  /** Pause behind a turn that ran nothing while requests wait. */
  emptyTurnNs: number | undefined
  /** False keeps to the plain path, step by step: the fast one's oracle. */
  stretches: boolean
  speculation: Speculation | undefined
}
