import type { RandomStream } from '../random.js'
import type { RequestTable } from '../request-table.js'
import { definePoint } from './point.js'
import type { Provider } from './provider.js'
import type { ClusterView } from './router.js'

/** What becomes of a request that has come to the door. */
export const Verdict = {
  accept: 0,
  /** It waits at the door, first come, first served; it is asked about again whenever a request ends or leaves a replica's queue. */
  queue: 1,
  refuse: 2,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** Decides who comes in, before a router looks for a place. All active ones are asked in order; the first that does not accept decides. */
export interface Admission {
  /**
   * @param request row of the request table
   * @param view of the replicas that a request enters at; live
   * @param queued requests that wait at the door now, this one left out
   */
  admit(request: number, view: ClusterView, queued: number, timeNs: number): Verdict
  /** Why it refuses, for the list of refusals; asked right after `refuse`. */
  readonly reason: string
}

export interface AdmissionContext {
  path: string
  /** Replicas that a request can enter at. */
  replicaCount: number
  requests: RequestTable
  /** A stream of its own. */
  random: RandomStream
}

export const admission = definePoint<Provider<Admission, AdmissionContext>>({
  id: 'servesim/admission',
  contract: 1,
  cardinality: 'named',
  scope: 'cluster',
})
