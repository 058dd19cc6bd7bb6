import type { Eviction, EvictionContext, PrefixTree } from '@servesim/core'
import { HostRuns } from './host-runs.js'

/**
 * KV blocks in the memory of a host, each content once, as runs: every operation costs as much as there are runs, not blocks. Blocks that
 * a transfer reads or writes stay; of the others the eviction policy gives some up when room is needed. Gaps are allowed: what stands
 * behind one cannot be hit until it is filled again.
 */
export class HostMemory {
  readonly runs = new HostRuns()
  usedBlocks = 0
  peakBlocks = 0
  evictedBlocks = 0
  private pinnedBlocks = 0
  private readonly eviction: Eviction
  /** By chain, plus one; 0: nothing stored. */
  private heads = new Int32Array(0)
  private readonly found: number[] = []
  private readonly foundEnds: number[] = []
  private readonly path: number[] = []

  constructor(
    readonly capacityBlocks: number,
    private readonly tree: PrefixTree,
    newEviction: (context: EvictionContext) => Eviction,
  ) {
    this.eviction = newEviction({ runCapacity: 256, totalBlocks: capacityBlocks, runs: this.runs })
  }

  /** Blocks of the text that are here without a gap, from block `from` on and below `to`. Pure. */
  stored(chain: number, from: number, to: number): number {
    let end = from
    for (const [i, run] of this.collect(chain, from, to).entries()) {
      if (this.runs.first[run]! > end || this.runs.ready[run] === 0) break
      end = this.foundEnds[i]!
    }
    return end - from
  }

  /** Whether any of these blocks is being loaded. Pure. */
  isLoading(chain: number, from: number, to: number): boolean {
    return this.collect(chain, from, to).some((run) => this.runs.loads[run]! > 0)
  }

  /** Somebody uses the text: its blocks are the last to go now, its beginning after its end. */
  touch(chain: number, to: number): void {
    const { runs, eviction } = this
    const all = this.cutOut(chain, 0, to)
    for (let i = all.length; i-- > 0; ) {
      const run = all[i]!
      if (runs.pins[run]! > 0) continue
      eviction.reference(run)
      eviction.release(run)
    }
  }

  /** A load reads these blocks, which are all here. */
  beginLoad(chain: number, from: number, to: number): void {
    const { runs } = this
    for (const run of this.cutOut(chain, from, to)) {
      if (runs.pins[run]!++ === 0) {
        this.eviction.reference(run)
        this.pinnedBlocks += runs.count[run]!
      }
      runs.loads[run]!++
    }
  }

  endLoad(chain: number, from: number, to: number): void {
    const all = [...this.collect(chain, from, to)]
    for (const run of all) this.runs.loads[run]!--
    this.unpin(all)
  }

  /**
   * Room for those of the text's blocks from `from` to `to` that are not here; their content is on its way from now on.
   * @returns the runs; undefined where nothing else can go for them
   */
  beginStore(chain: number, from: number, to: number): number[] | undefined {
    const gaps: [at: number, end: number][] = []
    let at = from
    for (const [i, run] of this.collect(chain, from, to).entries()) {
      if (this.runs.first[run]! > at) gaps.push([at, this.runs.first[run]!])
      at = Math.max(at, this.foundEnds[i]!)
    }
    if (at < to) gaps.push([at, to])
    if (!this.makeRoom(gaps.reduce((sum, [start, end]) => sum + end - start, 0))) return undefined
    return gaps.flatMap(([start, end]) => this.insert(chain, start, end))
  }

  /** As `beginStore`, for blocks that nobody will ask for. */
  beginStoreUnknown(blocks: number): number[] | undefined {
    if (!this.makeRoom(blocks)) return undefined
    this.book(blocks)
    return [this.runs.create(-1, 0, blocks)]
  }

  /** The content of the runs has arrived. */
  endStore(runs: readonly number[]): void {
    for (const run of runs) this.runs.ready[run] = 1
    this.unpin(runs)
  }

  /** It will not arrive. */
  abandonStore(runs: readonly number[]): void {
    for (const run of runs) {
      this.usedBlocks -= this.runs.count[run]!
      this.pinnedBlocks -= this.runs.count[run]!
      this.remove(run)
    }
  }

  private unpin(all: readonly number[]): void {
    const { runs } = this
    // From the end of the text on, so that its beginning stays longest.
    for (let i = all.length; i-- > 0; ) {
      const run = all[i]!
      if (--runs.pins[run]! > 0) continue
      this.pinnedBlocks -= runs.count[run]!
      this.eviction.release(run)
    }
  }

  private book(blocks: number): void {
    this.usedBlocks += blocks
    this.pinnedBlocks += blocks
    this.peakBlocks = Math.max(this.peakBlocks, this.usedBlocks)
  }

  private makeRoom(blocks: number): boolean {
    const { runs, eviction } = this
    if (blocks > this.capacityBlocks - this.pinnedBlocks) return false
    for (let lack = blocks - (this.capacityBlocks - this.usedBlocks); lack > 0; ) {
      const run = eviction.victim()
      const count = Math.min(lack, runs.count[run]!)
      eviction.reuse?.(run, count)
      runs.count[run]! -= count
      lack -= count
      this.usedBlocks -= count
      this.evictedBlocks += count
      if (runs.count[run] === 0) {
        eviction.reference(run)
        this.remove(run)
      }
    }
    return true
  }

  /** New runs for blocks that lie in a gap, one for each chain of the path that they lie on. */
  private insert(chain: number, from: number, to: number): number[] {
    const { runs, tree, path } = this
    const made: number[] = []
    this.walk(chain)
    for (let i = path.length; i-- > 0; ) {
      const c = path[i]!
      const start = Math.max(from, tree.start(c))
      const end = i === 0 ? to : Math.min(to, tree.start(path[i - 1]!))
      if (start >= end) continue
      const run = runs.create(c, start, end - start)
      this.book(end - start)
      let before = -1
      let after = this.head(c)
      for (; after >= 0 && runs.first[after]! < start; after = runs.next[after]!) before = after
      this.link(run, before, after)
      made.push(run)
    }
    return made
  }

  /** Runs that overlap the range, in order; they may reach beyond it, and on beside the text: `foundEnds` says how far they count. Reused arrays. */
  private collect(chain: number, from: number, to: number): number[] {
    const { runs, tree, path, found, foundEnds } = this
    found.length = 0
    foundEnds.length = 0
    this.walk(chain)
    for (let i = path.length; i-- > 0; ) {
      const c = path[i]!
      const start = Math.max(from, tree.start(c))
      const end = i === 0 ? to : Math.min(to, tree.start(path[i - 1]!))
      for (let run = this.head(c); start < end && run >= 0 && runs.first[run]! < end; run = runs.next[run]!) {
        if (runs.end(run) <= start) continue
        found.push(run)
        foundEnds.push(Math.min(end, runs.end(run)))
      }
    }
    return found
  }

  /** Runs that hold exactly what is here of the range, except that those under way are left whole. */
  private cutOut(chain: number, from: number, to: number): number[] {
    const { runs, foundEnds } = this
    return this.collect(chain, from, to).map((run, i) => {
      // Who stores it holds it as it is.
      if (runs.ready[run] === 0) return run
      const kept = runs.first[run]! < from ? this.split(run, from) : run
      if (runs.end(kept) > foundEnds[i]!) this.split(kept, foundEnds[i]!)
      return kept
    })
  }

  /** @returns the later part, from position `at` on */
  private split(run: number, at: number): number {
    const { runs } = this
    const rest = runs.create(runs.chain[run]!, at, runs.end(run) - at)
    runs.count[run] = at - runs.first[run]!
    runs.pins[rest] = runs.pins[run]!
    runs.loads[rest] = runs.loads[run]!
    runs.ready[rest] = runs.ready[run]!
    this.link(rest, run, runs.next[run]!)
    if (runs.pins[run] === 0) this.eviction.split(run, rest)
    return rest
  }

  private link(run: number, before: number, after: number): void {
    const { runs } = this
    runs.previous[run] = before
    runs.next[run] = after
    if (after >= 0) runs.previous[after] = run
    if (before >= 0) runs.next[before] = run
    else this.setHead(runs.chain[run]!, run)
  }

  private remove(run: number): void {
    const { runs } = this
    if (runs.chain[run]! >= 0) {
      const before = runs.previous[run]!
      const after = runs.next[run]!
      if (after >= 0) runs.previous[after] = before
      if (before >= 0) runs.next[before] = after
      else this.setHead(runs.chain[run]!, after)
    }
    runs.release(run)
  }

  private head(chain: number): number {
    return chain < this.heads.length ? this.heads[chain]! - 1 : -1
  }

  private setHead(chain: number, run: number): void {
    if (chain >= this.heads.length) {
      const grown = new Int32Array(Math.max(256, 2 * this.heads.length, chain + 1))
      grown.set(this.heads)
      this.heads = grown
    }
    this.heads[chain] = run + 1
  }

  /** Fills `path` with the chains from the text's end to the root. */
  private walk(chain: number): void {
    this.path.length = 0
    for (let c = chain; c >= 0; c = this.tree.parent(c)) this.path.push(c)
  }
}
