/**
 * Runs of KV blocks: physically given-out blocks that hold consecutive blocks of one chain and share their holders. A struct of typed
 * arrays with reused rows; −1 ends a list.
 *
 * A run that is cut stays itself for the front part; the rest becomes a new run, linked as the next *piece* of what was given out
 * together. A holder remembers where it enters that list and how far it goes, so a cut needs no visit to the holders.
 */
export class RunTable {
  /** Chain of the content; −1: content that nobody can ask for. */
  chain = new Int32Array(0)
  /** First block on the chain, and the number of blocks. */
  first = new Int32Array(0)
  count = new Int32Array(0)
  holders = new Int32Array(0)
  /** 1: another copy of the same content was there first. */
  duplicate = new Uint8Array(0)
  /** Runs of one chain: first copies by position, or duplicates by age. */
  next = new Int32Array(0)
  previous = new Int32Array(0)
  /** Pieces of one give-out, by position. */
  nextPiece = new Int32Array(0)
  previousPiece = new Int32Array(0)

  private free = new Int32Array(0)
  private freeCount = 0

  create(chain: number, first: number, count: number, holders: number): number {
    if (this.freeCount === 0) this.grow()
    const run = this.free[--this.freeCount]!
    this.chain[run] = chain
    this.first[run] = first
    this.count[run] = count
    this.holders[run] = holders
    this.duplicate[run] = 0
    this.next[run] = -1
    this.previous[run] = -1
    this.nextPiece[run] = -1
    this.previousPiece[run] = -1
    return run
  }

  /** End of the run on its chain. */
  end(run: number): number {
    return this.first[run]! + this.count[run]!
  }

  /** Cuts a run before position `at`, strictly inside. @returns the rest, linked as a piece but in no list of its chain */
  split(run: number, at: number): number {
    const rest = this.create(this.chain[run]!, at, this.end(run) - at, this.holders[run]!)
    this.count[run] = at - this.first[run]!
    this.duplicate[rest] = this.duplicate[run]!
    const after = this.nextPiece[run]!
    this.nextPiece[run] = rest
    this.previousPiece[rest] = run
    this.nextPiece[rest] = after
    if (after >= 0) this.previousPiece[after] = rest
    return rest
  }

  /** An empty run's row is used again. It must be in no list but that of its pieces. */
  release(run: number): void {
    const before = this.previousPiece[run]!
    const after = this.nextPiece[run]!
    if (before >= 0) this.nextPiece[before] = after
    if (after >= 0) this.previousPiece[after] = before
    this.free[this.freeCount++] = run
  }

  private grow(): void {
    const before = this.chain.length
    const after = before === 0 ? 256 : 2 * before
    const wider = (old: Int32Array) => {
      const grown = new Int32Array(after)
      grown.set(old)
      return grown
    }
    this.chain = wider(this.chain)
    this.first = wider(this.first)
    this.count = wider(this.count)
    this.holders = wider(this.holders)
    this.next = wider(this.next)
    this.previous = wider(this.previous)
    this.nextPiece = wider(this.nextPiece)
    this.previousPiece = wider(this.previousPiece)
    this.free = wider(this.free)
    const duplicate = new Uint8Array(after)
    duplicate.set(this.duplicate)
    this.duplicate = duplicate
    for (let run = after - 1; run >= before; run--) this.free[this.freeCount++] = run
  }
}
