import type { RunContents } from '@servesim/core'

const columns = ['chain', 'first', 'count', 'pins', 'loads', 'ready', 'next', 'previous'] as const

/** Runs of blocks in host memory: consecutive blocks of one chain. A struct of typed arrays with reused rows; −1 ends a list. */
export class HostRuns implements RunContents {
  /** −1: content that nobody can ask for. */
  chain = new Int32Array(0)
  first = new Int32Array(0)
  count = new Int32Array(0)
  /** Transfers that need the run where it is, and loads among them. */
  pins = new Int32Array(0)
  loads = new Int32Array(0)
  /** 1 once its content has arrived. */
  ready = new Int32Array(0)
  /** Neighbours on the chain, by position. */
  next = new Int32Array(0)
  previous = new Int32Array(0)
  private free: number[] = []

  /** A run whose content is on its way. */
  create(chain: number, first: number, count: number): number {
    if (this.free.length === 0) this.grow()
    const run = this.free.pop()!
    this.chain[run] = chain
    this.first[run] = first
    this.count[run] = count
    this.pins[run] = 1
    this.loads[run] = 0
    this.ready[run] = 0
    this.next[run] = -1
    this.previous[run] = -1
    return run
  }

  end(run: number): number {
    return this.first[run]! + this.count[run]!
  }

  release(run: number): void {
    this.free.push(run)
  }

  private grow(): void {
    const before = this.chain.length
    const capacity = Math.max(256, 2 * before)
    for (const column of columns) {
      const grown = new Int32Array(capacity)
      grown.set(this[column])
      this[column] = grown
    }
    for (let run = capacity - 1; run >= before; run--) this.free.push(run)
  }
}
