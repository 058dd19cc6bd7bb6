import type { RandomStream } from '../random.js'
import type { PrefixText } from './kv-index.js'
import { definePoint } from './point.js'
import type { Part, Provider } from './provider.js'

/** What a router sees of the replicas; arrays are indexed by replica and belong to core. */
export interface ClusterView {
  readonly replicaCount: number
  /** False for a replica that is dead or draining; routers pass it over. For at least one it holds. */
  takesRequests(replica: number): boolean
  /** Requests queued and not yet running, arrivals that the engine has not drained included. */
  waiting(replica: number): number
  running(replica: number): number
  /** Used KV blocks ÷ all, 0–1. */
  kvUse(replica: number): number
  /** Blocks of the prompt being routed that the replica's cache holds now; 0 without prefix caching. */
  cachedBlocks(replica: number): number
  /** The prompt being routed; core always gives it. */
  readonly prompt?: RoutedPrompt
}

/** One reused object: read it while routing, do not keep it. */
export interface RoutedPrompt {
  /** Length of the prompt. */
  readonly tokens: number
  /** Its identity; goes on into the output where that is known. Undefined: unlike any other. */
  readonly text: PrefixText | undefined
  /** Tokens of the prompt that the replica's cache holds now; 0 without prefix caching. */
  cachedTokens(replica: number): number
}

export interface Router extends Part {
  /**
   * @param request row of the request table
   * @param view live; a router that models stale metrics keeps its own copy
   * @returns a replica, 0 ≤ r < view.replicaCount, that takes requests
   */
  route(request: number, view: ClusterView, timeNs: number): number
}

export interface RouterContext {
  replicaCount: number
  /** A stream of this router's own. */
  random: RandomStream
}

export const router = definePoint<Provider<Router, RouterContext>>({
  id: 'servesim/router',
  contract: 1,
  cardinality: 'named',
  scope: 'cluster',
})
