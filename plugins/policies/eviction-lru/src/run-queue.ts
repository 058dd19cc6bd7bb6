/** Doubly linked list of run numbers in typed arrays: oldest release first. Grows with the numbers it meets. */
export class RunQueue {
  private next: Int32Array
  private previous: Int32Array
  private oldestRun = -1
  private youngestRun = -1

  constructor(capacity: number) {
    this.next = new Int32Array(capacity)
    this.previous = new Int32Array(capacity)
  }

  /** −1 when empty. */
  get oldest(): number {
    return this.oldestRun
  }

  append(run: number): void {
    this.reserve(run)
    this.previous[run] = this.youngestRun
    this.next[run] = -1
    if (this.youngestRun < 0) this.oldestRun = run
    else this.next[this.youngestRun] = run
    this.youngestRun = run
  }

  /** `run` takes its place just before `before`, which must be in the queue. */
  insertBefore(before: number, run: number): void {
    this.reserve(run)
    const previous = this.previous[before]!
    this.previous[run] = previous
    this.next[run] = before
    this.previous[before] = run
    if (previous < 0) this.oldestRun = run
    else this.next[previous] = run
  }

  /** The run must be in the queue. */
  remove(run: number): void {
    const next = this.next[run]!
    const previous = this.previous[run]!
    if (previous < 0) this.oldestRun = next
    else this.next[previous] = next
    if (next < 0) this.youngestRun = previous
    else this.previous[next] = previous
  }

  private reserve(run: number): void {
    if (run < this.next.length) return
    const capacity = Math.max(16, 2 * this.next.length, run + 1)
    const next = new Int32Array(capacity)
    next.set(this.next)
    const previous = new Int32Array(capacity)
    previous.set(this.previous)
    this.next = next
    this.previous = previous
  }
}
