import { definePoint } from './point.js'
import type { Provider } from './provider.js'

/**
 * Which cached run of KV blocks is reused first. Runs are small integers that the caller owns; only unreferenced runs are known here.
 * Within a run the last block goes first: a block without those before it could never be hit.
 */
export interface Eviction {
  /** The run has no holder any more; runs released at one instant come in the order in which their blocks should go. */
  release(run: number): void
  /** The run has a holder again, or its last block was reused: it leaves. */
  reference(run: number): void
  /** `run` was cut in two; `rest`, its later part, inherits its age and goes just before it. */
  split(run: number, rest: number): void
  /** The run to take blocks from; −1 when there is none. Pure. */
  victim(): number
}

export interface EvictionContext {
  /** Runs are below this number at first; more may come, so tables grow. */
  runCapacity: number
}

export const eviction = definePoint<Provider<Eviction, EvictionContext>>({
  id: 'servesim/eviction',
  contract: 1,
  cardinality: 'named',
  scope: 'replica',
})
