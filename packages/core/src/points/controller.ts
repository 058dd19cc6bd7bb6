import type { RandomStream } from '../random.js'
import { definePoint } from './point.js'
import type { Provider } from './provider.js'

/** The replicas of a cluster, and what a controller may do with them. */
export interface Cluster {
  readonly replicaCount: number
  /** Pool of a replica, as the scenario names it. */
  pool(replica: number): string
  isAlive(replica: number): boolean
  /** Whether routers may send requests there: alive and not draining. */
  takesRequests(replica: number): boolean
  waiting(replica: number): number
  running(replica: number): number
  /** The replica dies, and with it all that step together with it: steps, caches and transfers are lost; `lostRequests` of the scenario says what becomes of its requests. */
  kill(replica: number): void
  /** A dead replica comes up, empty; a draining one takes requests again. */
  start(replica: number): void
  /** No request is sent there any more; those that are there go on. */
  drain(replica: number): void
}

/** Acts on the cluster at instants that it chooses itself. */
export interface Controller {
  /**
   * Called at time 0 first.
   * @returns the next instant at which it wants to be called, later than `nowNs`; Infinity: never again
   */
  act(cluster: Cluster, nowNs: number): number
}

export interface ControllerContext {
  path: string
  replicaCount: number
  /** A stream of its own. */
  random: RandomStream
}

export const controller = definePoint<Provider<Controller, ControllerContext>>({
  id: 'servesim/controller',
  contract: 1,
  cardinality: 'named',
  scope: 'cluster',
})
