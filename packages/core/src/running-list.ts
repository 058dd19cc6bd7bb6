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

  includes(request: number): boolean {
    return this.items.subarray(0, this.length).includes(request)
  }

  /** Takes the first entry; the list must not be empty. */
  shift(): number {
    const first = this.items[0]!
    this.items.copyWithin(0, 1, this.length--)
    return first
  }

  /** Removes one entry and keeps the order of the others. @returns whether it was there */
  remove(request: number): boolean {
    // Preemption takes from the end, so look there first.
    let at = this.length - 1
    while (at >= 0 && this.items[at] !== request) at--
    if (at < 0) return false
    this.items.copyWithin(at, at + 1, this.length)
    this.length--
    return true
  }

  clear(): void {
    this.length = 0
  }
}
