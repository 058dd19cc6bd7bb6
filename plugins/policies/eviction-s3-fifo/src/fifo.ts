/** Links of all queues: a run is in at most one of them. */
export class Links {
  younger = new Int32Array(0)
  older = new Int32Array(0)

  reserve(run: number): void {
    if (run < this.younger.length) return
    const capacity = Math.max(64, 2 * this.younger.length, run + 1)
    const younger = new Int32Array(capacity)
    younger.set(this.younger)
    const older = new Int32Array(capacity)
    older.set(this.older)
    this.younger = younger
    this.older = older
  }
}

/** A queue of runs, and how many blocks they hold. */
export class Fifo {
  blocks = 0
  /** −1 when empty. */
  oldest = -1
  private youngest = -1

  constructor(private readonly links: Links) {}

  push(run: number): void {
    const { younger, older } = this.links
    older[run] = this.youngest
    younger[run] = -1
    if (this.youngest < 0) this.oldest = run
    else younger[this.youngest] = run
    this.youngest = run
  }

  /** `run` takes its place just before `before`, to be taken first. */
  insertBefore(before: number, run: number): void {
    const { younger, older } = this.links
    const previous = older[before]!
    older[run] = previous
    younger[run] = before
    older[before] = run
    if (previous < 0) this.oldest = run
    else younger[previous] = run
  }

  remove(run: number): void {
    const { younger, older } = this.links
    const next = younger[run]!
    const previous = older[run]!
    if (previous < 0) this.oldest = next
    else younger[previous] = next
    if (next < 0) this.youngest = previous
    else older[next] = previous
  }
}
