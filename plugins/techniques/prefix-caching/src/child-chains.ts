const widen = (old: Int32Array, capacity: number) => {
  const grown = new Int32Array(capacity)
  grown.set(old)
  return grown
}

/** The chains with cached content that hang on each chain, as lists. */
export class ChildChains {
  private parents = new Int32Array(0)
  private starts = new Int32Array(0)
  private firstChild = new Int32Array(0)
  private next = new Int32Array(0)
  private previous = new Int32Array(0)

  /** A new chain, not in any list yet. @param parent −1 at the root @param start its first block */
  add(chain: number, parent: number, start: number): void {
    if (chain >= this.parents.length) this.grow(chain)
    this.parents[chain] = parent
    this.starts[chain] = start
    this.firstChild[chain] = -1
  }

  /** Something of the chain is cached now. */
  link(chain: number): void {
    const parent = this.parents[chain]!
    if (parent < 0) return
    const after = this.firstChild[parent]!
    this.previous[chain] = -1
    this.next[chain] = after
    if (after >= 0) this.previous[after] = chain
    this.firstChild[parent] = chain
  }

  /** Nothing of the chain is cached any more. */
  unlink(chain: number): void {
    const parent = this.parents[chain]!
    if (parent < 0) return
    const after = this.next[chain]!
    const before = this.previous[chain]!
    if (before < 0) this.firstChild[parent] = after
    else this.next[before] = after
    if (after >= 0) this.previous[after] = before
  }

  /** A chain that hangs on this one behind at least `blocks` of its blocks, counted from the text's start; −1: none. */
  behind(chain: number, blocks: number): number {
    let child = this.firstChild[chain]!
    while (child >= 0 && this.starts[child]! < blocks) child = this.next[child]!
    return child
  }

  /** The last block below `end` behind which a chain hangs, but at least `first`. */
  lastFork(chain: number, first: number, end: number): number {
    let fork = first
    for (let child = this.firstChild[chain]!; child >= 0; child = this.next[child]!) {
      if (this.starts[child]! < end) fork = Math.max(fork, this.starts[child]!)
    }
    return fork
  }

  private grow(chain: number): void {
    const capacity = Math.max(64, 2 * this.parents.length, chain + 1)
    this.parents = widen(this.parents, capacity)
    this.starts = widen(this.starts, capacity)
    this.firstChild = widen(this.firstChild, capacity)
    this.next = widen(this.next, capacity)
    this.previous = widen(this.previous, capacity)
  }
}
