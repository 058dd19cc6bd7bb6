import type { RunTable } from './run-table.js'

/**
 * What is cached of each chain: its first copies as runs that tile it without gaps, and duplicates in order of age. A cached block's
 * predecessors are always cached too, since whoever holds or held it holds or held them, and a text's last block goes first; so one
 * number per chain says how far it is cached.
 */
export class CachedChains {
  private firstRun = new Int32Array(0)
  private lastRun = new Int32Array(0)
  private firstDuplicate = new Int32Array(0)
  private lastDuplicate = new Int32Array(0)
  private ends = new Int32Array(0)
  private size = 0

  constructor(private readonly runs: RunTable) {}

  /** A new chain, of which nothing is cached. */
  add(chain: number, start: number): void {
    if (chain >= this.firstRun.length) this.grow(chain)
    this.firstRun[chain] = -1
    this.lastRun[chain] = -1
    this.firstDuplicate[chain] = -1
    this.lastDuplicate[chain] = -1
    this.ends[chain] = start
    this.size = chain + 1
  }

  get count(): number {
    return this.size
  }

  /** Position up to which the chain is cached; its start when nothing is. */
  end(chain: number): number {
    return this.ends[chain]!
  }

  /** The first of the runs that tile the chain; −1 when nothing is cached. */
  head(chain: number): number {
    return this.firstRun[chain]!
  }

  /** The chain's last first-copy run; −1 when there is none. */
  tail(chain: number): number {
    return this.lastRun[chain]!
  }

  /** A run continues what is cached. */
  append(run: number): void {
    const chain = this.runs.chain[run]!
    this.insertAfter(chain, this.lastRun[chain]!, run)
    this.ends[chain] = this.runs.end(run)
  }

  /** The last run of the chain has grown. */
  extended(chain: number): void {
    this.ends[chain] = this.runs.end(this.lastRun[chain]!)
  }

  addDuplicate(run: number): void {
    const { runs } = this
    const chain = runs.chain[run]!
    runs.duplicate[run] = 1
    this.insertDuplicateAfter(chain, this.lastDuplicate[chain]!, run)
  }

  /** `rest` was cut off `run`: it stands behind it in the same list. */
  placeRest(run: number, rest: number): void {
    const chain = this.runs.chain[run]!
    if (this.runs.duplicate[run] === 1) this.insertDuplicateAfter(chain, run, rest)
    else this.insertAfter(chain, run, rest)
  }

  /**
   * The last `count` blocks of an unreferenced run lose their content. Where a duplicate has the same content, its oldest copy takes the
   * place; else the chain is cached less far. The run stays in its list, shorter; emptied, it leaves it.
   */
  dropTail(run: number, count: number): void {
    const { runs } = this
    const chain = runs.chain[run]!
    const top = runs.end(run)
    runs.count[run]! -= count
    if (runs.duplicate[run] === 0) {
      if (this.firstDuplicate[chain]! < 0) this.ends[chain] = top - count
      else this.promote(chain, run, top - count, top)
    }
    if (runs.count[run] === 0) this.unlink(run)
  }

  /** Duplicates take the place of first copies that were lost from `bottom` to `top`. */
  private promote(chain: number, run: number, bottom: number, top: number): void {
    const { runs } = this
    // From the top downwards, so each comes right behind what stands below the gap.
    const below = runs.count[run]! > 0 ? run : runs.previous[run]!
    let end = top
    while (end > bottom) {
      // The oldest copy of block end − 1; copies older than it may cover lower blocks only.
      let copy = this.firstDuplicate[chain]!
      let low = bottom
      while (copy >= 0 && !(runs.first[copy]! < end && runs.end(copy) >= end)) {
        if (runs.end(copy) < end) low = Math.max(low, runs.end(copy))
        copy = runs.next[copy]!
      }
      if (copy < 0) {
        // Nothing behind this block is cached any more: what has no copy ends the chain.
        end = low
        this.ends[chain] = end
        continue
      }
      low = Math.max(low, runs.first[copy]!)
      const promoted = this.cutOut(copy, low, end)
      this.unlink(promoted)
      runs.duplicate[promoted] = 0
      this.insertAfter(chain, below, promoted)
      end = low
    }
  }

  /** The part of a duplicate from `low` to `end` as a run of its own. */
  private cutOut(run: number, low: number, end: number): number {
    if (this.runs.end(run) > end) this.cut(run, end)
    return this.runs.first[run]! < low ? this.cut(run, low) : run
  }

  /** Cuts a run and places the rest. Set by the index, which also tells the eviction policy. */
  cut: (run: number, at: number) => number = (run, at) => {
    const rest = this.runs.split(run, at)
    this.placeRest(run, rest)
    return rest
  }

  private insertAfter(chain: number, before: number, run: number): void {
    const { next, previous } = this.runs
    const after = before < 0 ? this.firstRun[chain]! : next[before]!
    previous[run] = before
    next[run] = after
    if (before < 0) this.firstRun[chain] = run
    else next[before] = run
    if (after < 0) this.lastRun[chain] = run
    else previous[after] = run
  }

  private insertDuplicateAfter(chain: number, before: number, run: number): void {
    const { next, previous } = this.runs
    const after = before < 0 ? this.firstDuplicate[chain]! : next[before]!
    previous[run] = before
    next[run] = after
    if (before < 0) this.firstDuplicate[chain] = run
    else next[before] = run
    if (after < 0) this.lastDuplicate[chain] = run
    else previous[after] = run
  }

  private unlink(run: number): void {
    const { runs } = this
    const chain = runs.chain[run]!
    const before = runs.previous[run]!
    const after = runs.next[run]!
    const duplicate = runs.duplicate[run] === 1
    if (before >= 0) runs.next[before] = after
    else if (duplicate) this.firstDuplicate[chain] = after
    else this.firstRun[chain] = after
    if (after >= 0) runs.previous[after] = before
    else if (duplicate) this.lastDuplicate[chain] = before
    else this.lastRun[chain] = before
  }

  private grow(chain: number): void {
    const capacity = Math.max(64, 2 * this.firstRun.length, chain + 1)
    const wider = (old: Int32Array) => {
      const grown = new Int32Array(capacity)
      grown.set(old)
      return grown
    }
    this.firstRun = wider(this.firstRun)
    this.lastRun = wider(this.lastRun)
    this.firstDuplicate = wider(this.firstDuplicate)
    this.lastDuplicate = wider(this.lastDuplicate)
    this.ends = wider(this.ends)
  }
}
