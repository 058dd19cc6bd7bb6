/** Session calls whose release time is known, ordered by time, then row. Short: one entry per session that waits for a tool. */
export class ReleasedCalls {
  private readonly timesNs: number[] = []
  private readonly rows: number[] = []

  /** Time of the first; infinite where none waits. */
  get firstNs(): number {
    return this.timesNs.at(-1) ?? Number.POSITIVE_INFINITY
  }

  /** Kept in descending order, so that the first leaves at the end. */
  add(timeNs: number, row: number): void {
    let low = 0
    let high = this.timesNs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const later = this.timesNs[middle]! - timeNs || this.rows[middle]! - row
      if (later > 0) low = middle + 1
      else high = middle
    }
    this.timesNs.splice(low, 0, timeNs)
    this.rows.splice(low, 0, row)
  }

  /** Removes the first and returns its row; call it only while `firstNs` is finite. */
  takeFirst(): number {
    this.timesNs.pop()
    return this.rows.pop()!
  }
}
