/**
 * What was lost lately: of each chain of texts one range of blocks, with the number of blocks that had been lost until then. A chain loses
 * its blocks from the end, so its losses are one range. It is forgotten when as many further blocks have been lost as are remembered.
 */
export class Ghost {
  private first = new Int32Array(0)
  private end = new Int32Array(0)
  private stamp = new Float64Array(0)
  private lost = 0

  constructor(private readonly capacity: number) {}

  /** Blocks of a chain from `first` to `end` are lost. */
  add(chain: number, first: number, end: number): void {
    this.reserve(chain)
    this.lost += end - first
    // What the chain lost behind this may have been forgotten, or may have been computed again.
    const joins = this.alive(chain) && this.first[chain] === end
    this.end[chain] = joins ? this.end[chain]! : end
    this.first[chain] = first
    this.stamp[chain] = this.lost
  }

  /** Whether that block was lost lately. From there on the chain is cached again. */
  take(chain: number, block: number): boolean {
    if (chain >= this.end.length || !this.alive(chain) || block < this.first[chain]! || block >= this.end[chain]!) return false
    this.end[chain] = block
    return true
  }

  private alive(chain: number): boolean {
    return this.end[chain]! > this.first[chain]! && this.lost - this.stamp[chain]! < this.capacity
  }

  private reserve(chain: number): void {
    if (chain < this.end.length) return
    const capacity = Math.max(64, 2 * this.end.length, chain + 1)
    const first = new Int32Array(capacity)
    first.set(this.first)
    const end = new Int32Array(capacity)
    end.set(this.end)
    const stamp = new Float64Array(capacity)
    stamp.set(this.stamp)
    this.first = first
    this.end = end
    this.stamp = stamp
  }
}
