import type { RunningList } from './points/scheduler.js'

/** Request rows in order of admission. */
export class RequestList implements RunningList {
  items = new Int32Array(64)
  length = 0

  at(position: number): number {
    return this.items[position]!
  }

  push(request: number): void {
    if (this.length === this.items.length) {
      const grown = new Int32Array(this.length * 2)
      grown.set(this.items)
      this.items = grown
    }
    this.items[this.length++] = request
  }

  /** Removes one entry and keeps the order of the others. */
  remove(request: number): void {
    // Preemption takes from the end, so look there first.
    let at = this.length - 1
    while (at >= 0 && this.items[at] !== request) at--
    if (at < 0) return
    this.items.copyWithin(at, at + 1, this.length)
    this.length--
  }

  clear(): void {
    this.length = 0
  }
}
