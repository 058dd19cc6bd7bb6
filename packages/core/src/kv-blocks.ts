import { ServesimError } from './errors.js'
import type { KvIndex } from './points/kv-index.js'
import type { RequestTable } from './request-table.js'

/**
 * KV blocks of one replica, as counts. Checks first, then changes. Which content a reused block loses is the index's business, where
 * there is one; without it KV is pure counting.
 */
export class KvBlocks {
  free: number

  constructor(
    readonly total: number,
    readonly blockSizeTokens: number,
    private readonly requests: RequestTable,
    readonly index: KvIndex | undefined,
  ) {
    this.free = total
  }

  get used(): number {
    return this.total - this.free
  }

  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.blockSizeTokens)
  }

  /** Gives the request enough blocks for `tokens` tokens in all. False: not enough are free, nothing has changed. */
  extend(request: number, tokens: number): boolean {
    const held = this.requests.blocks[request]!
    if (tokens <= held * this.blockSizeTokens) return true
    const needed = this.blocksFor(tokens) - held
    if (needed > this.free) return false
    this.give(request, needed)
    return true
  }

  /**
   * First blocks of a request: `hitBlocks` shared ones and new ones up to `tokens` tokens.
   * @param mustFitTokens a whole sequence that must find room now, though only `tokens` get blocks; 0: no such check
   */
  admit(request: number, tokens: number, hitBlocks: number, mustFitTokens: number): boolean {
    const { index } = this
    // A hit block without a holder counts as free until it is taken.
    const idle = hitBlocks === 0 || index === undefined ? 0 : index.idle(request, hitBlocks)
    const needed = this.blocksFor(tokens) - hitBlocks
    const whole = mustFitTokens === 0 ? needed : Math.max(needed, this.blocksFor(mustFitTokens) - hitBlocks)
    if (whole + idle > this.free) return false
    if (hitBlocks > 0) {
      index!.take(request, hitBlocks)
      this.free -= idle
      this.requests.blocks[request] = hitBlocks
    }
    if (needed > 0) this.give(request, needed)
    return true
  }

  /** Takes back blocks behind the request's first `tokens` tokens; nothing of them was committed. */
  shrink(request: number, tokens: number): void {
    const surplus = this.requests.blocks[request]! - this.blocksFor(tokens)
    if (surplus <= 0 || (this.index !== undefined && this.index.trim === undefined)) return
    this.requests.blocks[request]! -= surplus
    this.free += surplus
    this.index?.trim?.(request, surplus)
  }

  /** As `admit`, for a request that has its first blocks already. */
  admitLoaded(request: number, tokens: number, mustFitTokens: number): boolean {
    const needed = this.blocksFor(Math.max(tokens, mustFitTokens)) - this.requests.blocks[request]!
    return needed <= this.free && this.extend(request, tokens)
  }

  /**
   * The request's blocks outlive it: a row of their own holds them from now on. @returns the row, for `drop`; −1 where the index cannot do that
   */
  keep(request: number): number {
    const { requests, index } = this
    if (index !== undefined && index.move === undefined) return -1
    const row = requests.allocate(true)
    requests.blocks[row] = requests.blocks[request]!
    requests.blocks[request] = 0
    requests.identified[row] = requests.identified[request]!
    requests.computedTokens[row] = requests.computedTokens[request]!
    requests.placeholderTokens[row] = requests.placeholderTokens[request]!
    if (requests.identified[request] === 1) index!.move!(request, row)
    return row
  }

  /** Blocks that were kept are free. */
  drop(row: number): void {
    this.release(row)
    this.index?.forget(row)
    this.requests.release(row)
  }

  /** Gives up everything the request holds. */
  release(request: number): void {
    const held = this.requests.blocks[request]!
    if (held === 0) return
    this.free += this.index === undefined ? held : this.index.release(request, held)
    this.requests.blocks[request] = 0
    if (this.free > this.total) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        'kv',
        `${this.free} of ${this.total} KV blocks are free after request row ${request} released ${held}.`,
      )
    }
  }

  /** Full blocks among the first `tokens` tokens of the request become hittable. */
  commit(request: number, tokens: number): void {
    this.index!.commit(request, Math.floor(tokens / this.blockSizeTokens))
  }

  /** `count` free blocks are given out; who holds them is booked by the caller. */
  take(count: number): void {
    this.free -= count
    this.index?.reclaim(count)
  }

  /** `count` blocks more for a request, which must be free. */
  private give(request: number, count: number): void {
    this.requests.blocks[request]! += count
    this.take(count)
  }
}
