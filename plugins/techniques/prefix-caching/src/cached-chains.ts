import { ChildChains } from './child-chains.js'
import type { RunTable } from './run-table.js'

/**
 * What is cached of each chain: its first copies as runs that tile it without gaps, and duplicates in order of age. A cached block's
 * predecessors are always cached too, since whoever holds it holds them, and unreferenced ones go from the ends of texts (`lastBehind`);
 * so one number per chain says how far it is cached.
 */
export class CachedChains {
  private firstRun = new Int32Array(0)
  private lastRun = new Int32Array(0)
  private firstDuplicate = new Int32Array(0)
  private lastDuplicate = new Int32Array(0)
  private ends = new Int32Array(0)
  private size = 0
  private readonly children = new ChildChains()

  constructor(private readonly runs: RunTable) {}

  /** A new chain, of which nothing is cached. @param parent −1 at the root */
  add(chain: number, parent: number, start: number): void {
    this.children.add(chain, parent, start)
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
   * The run that loses content when `run` is to: itself, or the end of a text that goes on behind it, which could never be hit without
   * what stands before. Nobody holds that end, since who did would hold a copy of all before it, and that would do in the run's place.
   */
  lastBehind(run: number): number {
    if (this.loose(run) > 0) return run
    let chain = this.runs.chain[run]!
    let child = this.children.behind(chain, this.runs.end(run))
    for (; child >= 0; child = this.children.behind(chain, 0)) chain = child
    return this.lastRun[chain]!
  }

  /** How many blocks at the run's end can lose their content without cutting off anything that is cached behind them. */
  loose(run: number): number {
    const { runs, children } = this
    const chain = runs.chain[run]!
    if (chain < 0 || runs.duplicate[run] === 1) return runs.count[run]!
    const first = runs.first[run]!
    const end = runs.end(run)
    // Where the last block has another copy, so many as have one each: the copies take the run's place, and what is before must stay.
    const covered = this.coveredFrom(chain, first, end)
    if (covered < end || this.lastRun[chain] !== run || children.behind(chain, end) >= 0) return end - covered
    return end - Math.max(children.lastFork(chain, first, end), this.lastDuplicateEnd(chain, first, end))
  }

  /** The end of the last duplicate that ends before `end`, but at least `first`. */
  private lastDuplicateEnd(chain: number, first: number, end: number): number {
    const { runs } = this
    let last = first
    for (let copy = this.firstDuplicate[chain]!; copy >= 0; copy = runs.next[copy]!) {
      if (runs.end(copy) < end) last = Math.max(last, runs.end(copy))
    }
    return last
  }

  /** From which block on, `first` or later, all blocks up to `end` have duplicates. */
  private coveredFrom(chain: number, first: number, end: number): number {
    const { runs } = this
    let from = end
    for (let copy = this.firstDuplicate[chain]!; copy >= 0 && from > first; ) {
      if (runs.first[copy]! < from && runs.end(copy) >= from) {
        from = Math.max(first, runs.first[copy]!)
        copy = this.firstDuplicate[chain]!
      } else copy = runs.next[copy]!
    }
    return from
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
    if (before < 0 && after < 0) this.children.link(chain)
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
    if (!duplicate && before < 0 && after < 0) this.children.unlink(chain)
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
