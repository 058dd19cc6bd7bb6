import type { RequestTable } from '../request-table.js'
import { definePoint } from './point.js'
import type { Part } from './provider.js'

/**
 * Gives KV blocks an identity, so that requests can share them. Without an index KV is pure counting. Lengths are in blocks.
 * Core counts free blocks and asks before it changes anything; the index decides which cached content goes.
 */
export interface KvIndex extends Part {
  /**
   * A request arrived at this replica.
   * @param text copied where kept
   * @returns false where the request cannot share: it then only counts
   */
  identify(request: number, text: PrefixText): boolean
  /** Blocks of a text that is not a request here that are cached now. Pure. */
  probe(text: PrefixText): number
  /** Cached blocks at the start of the request's sequence, at most `maxBlocks`. Pure; routers' views call it too. */
  match(request: number, maxBlocks: number): number
  /** How many of the first `blocks` matching blocks have no holder: taking those uses up free blocks. Pure. */
  idle(request: number, blocks: number): number
  /** The request becomes a holder of its first `blocks` matching blocks. */
  take(request: number, blocks: number): void
  /** Blocks of the request up to `toBlock` are full: they become hittable. Prompts at form, as vLLM does, generated blocks at completion. */
  commit(request: number, toBlock: number): void
  /**
   * The request gives up its `blocks` blocks, last block first. Content stays until its blocks are reused.
   * @returns blocks that have no holder now
   */
  release(request: number, blocks: number): number
  /** The request gives up its last `blocks` blocks, whose content was never committed. Needed where rejected drafts free blocks. */
  trim?(request: number, blocks: number): void
  /** `blocks` free blocks were given out: those reused first lose their content. */
  reclaim(blocks: number): void
  /** The request ended. */
  forget(request: number): void
  /** Whether two requests have the same text up to and including that block. Pure. */
  sameText(a: number, b: number, block: number): boolean
  /** What `from` holds belongs to `to` from now on, a row that held nothing. Absent: blocks cannot outlive their request. */
  move?(from: number, to: number): void
  /** Set by core where something wants to know: content is about to be lost, of which no other copy is here. See `KvTier.lost`. */
  onLoss?: ((id: number, endBlock: number, blocks: number) => void) | undefined
  /** Whether `commit` would make blocks behind the prompt hittable for this request. */
  knowsOutput(request: number): boolean
  /** Free blocks by the index's own count, for the invariant checker. */
  readonly freeBlocks: number
}

/** A sequence's identity, as `RequestDraft` has it. */
export interface PrefixText {
  ids: Int32Array
  count: number
  groupTokens: number
}

export interface KvIndexContext {
  /** Path of the technique, for errors. */
  path: string
  engineRelease: string
  requests: RequestTable
  totalBlocks: number
  blockSizeTokens: number
}

/** A claim of the point: builds the index of one replica. */
export type KvIndexFactory = (context: KvIndexContext) => KvIndex

export const kvIndex = definePoint<KvIndexFactory>({ id: 'servesim/kv-index', contract: 1, cardinality: 'single', scope: 'replica' })
