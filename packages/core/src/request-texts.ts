import type { PrefixText } from './points/kv-index.js'

const nothing = new Int32Array(0)

/**
 * Texts of requests, by row. Where a request may be sent to a replica long after it arrived, or to several, its text is copied; else only
 * that of the request which arrives now is known.
 */
export class RequestTexts {
  /** Row of the one that arrived last; −1 where texts are copied. */
  private arriving = -1
  private readonly ids: Int32Array[] = []
  private readonly counts: number[] = []
  private readonly text: PrefixText = { ids: nothing, count: 0, groupTokens: 0 }

  /** @param groupTokens tokens that one id covers @param lasting texts are asked for after the arrival, too */
  constructor(
    private readonly groupTokens: () => number,
    private readonly lasting: boolean,
  ) {}

  /** @param ids of the request in that row; stay as they are until the next one arrives */
  keep(row: number, ids: Int32Array | undefined, count: number): void {
    if (this.lasting) this.copyIds(row, ids, count)
    else {
      this.arriving = row
      this.text.ids = ids ?? nothing
      this.text.count = ids === undefined ? 0 : count
    }
  }

  private copyIds(row: number, ids: Int32Array | undefined, count: number): void {
    this.counts[row] = ids === undefined ? 0 : count
    if (ids === undefined || count === 0) return
    if ((this.ids[row]?.length ?? 0) < count) this.ids[row] = new Int32Array(count)
    this.ids[row]!.set(ids.subarray(0, count))
  }

  /** The row `to` has the text of `from`. */
  copy(from: number, to: number): void {
    this.copyIds(to, this.ids[from], this.counts[from] ?? 0)
  }

  /** One reused object; undefined where nobody can share the text. */
  of(row: number): PrefixText | undefined {
    if (!this.lasting) {
      if (row !== this.arriving || this.text.count === 0) return undefined
      this.text.groupTokens = this.groupTokens()
      return this.text
    }
    const count = this.counts[row] ?? 0
    if (count === 0) return undefined
    const { text } = this
    text.ids = this.ids[row]!
    text.count = count
    text.groupTokens = this.groupTokens()
    return text
  }
}
