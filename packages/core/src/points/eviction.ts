import { definePoint } from './point.js'
import type { Provider } from './provider.js'

/** What runs hold, by run; arrays are replaced when the table grows, so read them through this. */
export interface RunContents {
  /** Chain of texts the content belongs to: equal chain and position mean equal content. −1: nobody can ask for it. */
  readonly chain: Int32Array
  /** Position of the first block on its chain. */
  readonly first: Int32Array
  /** Blocks; 0 once all are given out again. */
  readonly count: Int32Array
}

/**
 * Which cached run of KV blocks is reused first. Runs are small integers that the caller owns; only unreferenced runs are known here.
 * Within a run the last block goes first: a block without those before it could never be hit.
 */
export interface Eviction {
  /** The run has no holder any more; runs released at one instant come in the order in which their blocks should go. */
  release(run: number): void
  /** The run has a holder again, or its last block was reused (its `count` is 0 then): it leaves. */
  reference(run: number): void
  /** `run` was cut in two; `rest`, its later part, inherits its age and goes just before it. */
  split(run: number, rest: number): void
  /**
   * The run to take blocks from; −1 when there is none. Pure. Must stay the same while blocks of it are taken one by one: core may take
   * the blocks of many steps at once.
   */
  victim(): number
  /** The last `blocks` blocks of `run` are about to lose their content: of the victim, or of what could not be hit without it. */
  reuse?(run: number, blocks: number): void
}

export interface EvictionContext {
  /** Runs are below this number at first; more may come, so tables grow. */
  runCapacity: number
  /** Blocks of the cache, those in use included. */
  totalBlocks: number
  readonly runs: RunContents
}

export const eviction = definePoint<Provider<Eviction, EvictionContext>>({
  id: 'servesim/eviction',
  contract: 1,
  cardinality: 'named',
  scope: 'replica',
})
