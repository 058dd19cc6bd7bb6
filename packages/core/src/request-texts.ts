import type { PrefixText } from './points/kv-index.js'

/** Texts of the requests in flight, by row: a request may be sent to a replica long after it arrived, and to several. */
export class RequestTexts {
  private readonly ids: Int32Array[] = []
  private readonly counts: number[] = []
  private readonly text: PrefixText = { ids: new Int32Array(0), count: 0, groupTokens: 0 }

  /** @param groupTokens tokens that one id covers */
  constructor(private readonly groupTokens: () => number) {}

  /** Copies the ids of the request in that row. */
  keep(row: number, ids: Int32Array | undefined, count: number): void {
    this.counts[row] = ids === undefined ? 0 : count
    if (ids === undefined || count === 0) return
    if ((this.ids[row]?.length ?? 0) < count) this.ids[row] = new Int32Array(count)
    this.ids[row]!.set(ids.subarray(0, count))
  }

  /** The row `to` has the text of `from`. */
  copy(from: number, to: number): void {
    this.keep(to, this.ids[from], this.counts[from] ?? 0)
  }

  /** One reused object; undefined where nobody can share the text. */
  of(row: number): PrefixText | undefined {
    const count = this.counts[row] ?? 0
    if (count === 0) return undefined
    const { text } = this
    text.ids = this.ids[row]!
    text.count = count
    text.groupTokens = this.groupTokens()
    return text
  }
}
