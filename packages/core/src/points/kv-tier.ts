import type { RequestTable } from '../request-table.js'
import type { KvIndex, PrefixText } from './kv-index.js'
import { definePoint } from './point.js'
import type { Part, Reads } from './provider.js'

/**
 * A memory behind the device, as one replica sees it: host memory, a pool of several hosts, or the replica that has computed a prompt.
 * Core asks at admission, gives blocks and holds the request back while its KV is on the way; the tier moves the bytes.
 */
export interface KvTier extends Part {
  /** A request arrived at this replica, and its text is known. @param text copied where kept */
  identify?(request: number, text: PrefixText): void
  /**
   * Tokens that the tier could give the request behind its first `fromToken` ones; 0: none · −1: not known before something lands, so
   * the request waits and others pass it (the tier calls `changed` then). Pure; asked at every form as long as the request waits.
   */
  probe(request: number, fromToken: number): number
  /**
   * Blocks for `tokens` tokens behind the first `fromToken` are given: their KV is to be brought. Ends with one call of `landed` or
   * `failed`, not from within this call.
   */
  load(request: number, fromToken: number, tokens: number): void
  /** The load is of no use any more: the request ended, or its replica died. Neither `landed` nor `failed` may follow. */
  cancel(request: number): void
  /** The request runs from now on, with or without a load. */
  admitted?(request: number): void
  /**
   * A step that computes the request's prompt tokens `fromToken` … `toToken` − 1 starts, and will end at `endNs`: layer by layer their KV
   * comes into being in between. What lies before `fromToken` is there.
   */
  computing?(request: number, fromToken: number, toToken: number, startNs: number, endNs: number): void
  /**
   * Steps have filled blocks `fromBlock` … `toBlock` − 1 of the request; those it found in the device's cache when it was admitted are among
   * them. Each block is told of once, at the end of the step that filled it. A tier that reads less than `tokens` is told of the prompt's
   * blocks only: generated ones fill in steps that a stretch takes.
   */
  computed?(request: number, fromBlock: number, toBlock: number): void
  /**
   * The device's cache is about to lose content: the last `blocks` of the `endBlock` blocks of the text whose prefix id `id` covers the last
   * of them. An id stands for all the text before it, so (id, block) names a block everywhere.
   */
  lost?(id: number, endBlock: number, blocks: number): void
  /**
   * The request gives up its blocks: it ended, or it was preempted.
   * @param keep absent at a preemption, which takes blocks at once. Keeps them allocated until `KvTierContext.free` is called with the row
   *   that it returns, which stands for the request from then on. −1: the cache cannot tell whose they are, nothing is kept
   */
  released?(request: number, keep?: () => number): void
  /** The replica died: all that was under way for it is dropped, kept rows included. It comes up again with a tier that is built anew. */
  died?(): void
}

/** What one rank keeps of each token's KV. Ranges are half open. */
export interface KvRange {
  firstLayer: number
  endLayer: number
  /** KV heads of the model; with more ranks than heads several ranks keep the same one. */
  firstHead: number
  endHead: number
  bytesPerToken: number
}

export interface KvTierContext {
  /** Path of the pool, for errors. */
  path: string
  replica: number
  requests: RequestTable
  blockSizeTokens: number
  totalBlocks: number
  /** KV of one token on each rank of the replica: rank `stage × tensor + tensor rank`. */
  bytesPerTokenOfRank: Float64Array
  /** The same, by layers and heads. */
  kvRanges: readonly KvRange[]
  /** Equal keys mean equal bytes for equal text: model, element type, ranks, block size. */
  layoutKey: string
  /** The device's cache, where the pool has one. */
  index: KvIndex | undefined
  /** What steps would take that compute so many tokens behind a context and nothing else, ns. */
  prefillNs(tokens: number, contextTokens: number): number
  /** What `load` brought is there; the request runs from its replica's next form on. */
  landed(request: number): void
  /** What `load` was to bring will not come: the request gives up its blocks and starts over. */
  failed(request: number): void
  /** `probe` might answer otherwise from now on: a waiting request is asked for again at the next form. */
  changed(): void
  /** Blocks that `released` kept are free from now on. */
  free(row: number): void
}

/** A claim of the point: builds the tier of each replica. Tiers are asked in the order written; the first that has something loads. */
export interface KvTierFactory {
  readonly name: string
  /** `tokens` rules stretches out. */
  readonly reads: Reads
  build(context: KvTierContext): KvTier
}

export const kvTier = definePoint<KvTierFactory>({ id: 'servesim/kv-tier', contract: 1, cardinality: 'chain', scope: 'pool' })
