const widen = (old: Int32Array, capacity: number) => {
  const grown = new Int32Array(capacity)
  grown.set(old)
  return grown
}

/**
 * What each request holds: entries (run, end), in the order of its text. An entry means all pieces from that run on up to the end, so
 * that cutting a run needs no visit here. Entries of a request are a list from the last to the first: blocks are freed that way.
 */
export class Holdings {
  /** By request row. */
  private chains = new Int32Array(0)
  private knownBlocks = new Int32Array(0)
  private committedBlocks = new Int32Array(0)
  private lastEntry = new Int32Array(0)
  /** By entry. */
  private runs = new Int32Array(0)
  private ends = new Int32Array(0)
  private before = new Int32Array(0)
  private freeEntry = -1

  /** @param known full blocks whose text is known */
  begin(request: number, chain: number, known: number): void {
    if (request >= this.chains.length) this.growRequests(request)
    this.chains[request] = chain
    this.knownBlocks[request] = known
    this.committedBlocks[request] = 0
    this.lastEntry[request] = -1
  }

  chain(request: number): number {
    return this.chains[request]!
  }

  known(request: number): number {
    return request < this.knownBlocks.length ? this.knownBlocks[request]! : 0
  }

  committed(request: number): number {
    return this.committedBlocks[request]!
  }

  setCommitted(request: number, blocks: number): void {
    this.committedBlocks[request] = blocks
  }

  add(request: number, run: number, end: number): void {
    if (this.freeEntry < 0) this.growEntries()
    const entry = this.freeEntry
    this.freeEntry = this.before[entry]!
    this.runs[entry] = run
    this.ends[entry] = end
    this.before[entry] = this.lastEntry[request]!
    this.lastEntry[request] = entry
  }

  /** The request's last run has grown to `end`. */
  extend(request: number, end: number): void {
    this.ends[this.lastEntry[request]!] = end
  }

  /** −1 when it holds none. */
  lastRun(request: number): number {
    const entry = this.lastEntry[request]!
    return entry < 0 ? -1 : this.runs[entry]!
  }

  last(request: number): number {
    return this.lastEntry[request]!
  }

  previous(entry: number): number {
    return this.before[entry]!
  }

  run(entry: number): number {
    return this.runs[entry]!
  }

  end(entry: number): number {
    return this.ends[entry]!
  }

  /** What a request holds becomes another's, whose text is the same then. */
  move(from: number, to: number): void {
    this.begin(to, this.chains[from]!, this.knownBlocks[from]!)
    this.committedBlocks[to] = this.committedBlocks[from]!
    this.lastEntry[to] = this.lastEntry[from]!
    this.committedBlocks[from] = 0
    this.lastEntry[from] = -1
  }

  /** The request holds nothing any more; its text stays known. */
  clear(request: number): void {
    if (request >= this.lastEntry.length) return
    for (let entry = this.lastEntry[request]!; entry >= 0; ) {
      const before = this.before[entry]!
      this.before[entry] = this.freeEntry
      this.freeEntry = entry
      entry = before
    }
    this.lastEntry[request] = -1
    this.committedBlocks[request] = 0
  }

  private growRequests(request: number): void {
    const before = this.chains.length
    const capacity = Math.max(256, 2 * before, request + 1)
    this.chains = widen(this.chains, capacity)
    this.knownBlocks = widen(this.knownBlocks, capacity)
    this.committedBlocks = widen(this.committedBlocks, capacity)
    this.lastEntry = widen(this.lastEntry, capacity).fill(-1, before)
  }

  private growEntries(): void {
    const before = this.runs.length
    const capacity = Math.max(256, 2 * before)
    this.runs = widen(this.runs, capacity)
    this.ends = widen(this.ends, capacity)
    this.before = widen(this.before, capacity)
    for (let entry = capacity - 1; entry >= before; entry--) {
      this.before[entry] = this.freeEntry
      this.freeEntry = entry
    }
  }
}
