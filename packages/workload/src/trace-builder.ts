import { GrowingColumn } from './growing-column.js'
import type { SessionColumns, Trace } from './trace.js'

/** Marks a row that arrives by the clock in the column of tool times. */
const BY_CLOCK = -1

/** Collects the rows of a file in any order; `finish` sorts them by arrival. Readers check what they add. */
export class TraceBuilder {
  private readonly arrivalNs = new GrowingColumn(new Float64Array(1024))
  private readonly promptTokens = new GrowingColumn(new Int32Array(1024))
  private readonly outputTokens = new GrowingColumn(new Int32Array(1024))
  private readonly toolNsBefore = new GrowingColumn(new Float64Array(1024))
  private readonly prefixStart = new GrowingColumn(new Int32Array(1024))
  private readonly prefixIdCount = new GrowingColumn(new Int32Array(1024))
  private readonly prefixIds = new GrowingColumn(new Int32Array(1024))
  private callCount = 0
  private sessionArrivalNs = Number.NEGATIVE_INFINITY
  private ascending = true

  /** Tokens that one prefix id covers; a reader of a format with identities sets it. */
  prefixGroupTokens = 0
  /** True: times have no common origin, and the earliest arrival becomes 0. */
  startsAtFirstArrival = false

  get requestCount(): number {
    return this.promptTokens.length
  }

  /** Adds a request that arrives by the clock. @param arrivalNs integer, ≥ 0 unless `startsAtFirstArrival` */
  add(arrivalNs: number, promptTokens: number, outputTokens: number): void {
    if (arrivalNs < this.sessionArrivalNs) this.ascending = false
    this.sessionArrivalNs = arrivalNs
    this.push(BY_CLOCK, promptTokens, outputTokens)
  }

  /** Adds the next call of the session that the last row belongs to. @param toolNs integer ≥ 0, from that row's completion to this call */
  addCall(toolNs: number, promptTokens: number, outputTokens: number): void {
    this.callCount++
    this.push(toolNs, promptTokens, outputTokens)
  }

  /** Appends to the identity of the last row: the id of its next whole group of `prefixGroupTokens` tokens. */
  addPrefixId(id: number): void {
    this.prefixIds.push(id)
    this.prefixIdCount.incrementLast()
  }

  private push(toolNsBefore: number, promptTokens: number, outputTokens: number): void {
    this.arrivalNs.push(this.sessionArrivalNs)
    this.promptTokens.push(promptTokens)
    this.outputTokens.push(outputTokens)
    this.toolNsBefore.push(toolNsBefore)
    this.prefixStart.push(this.prefixIds.length)
    this.prefixIdCount.push(0)
  }

  finish(source: string, format: string): Trace {
    const toolNsBefore = this.toolNsBefore.toArray()
    const unsorted = this.arrivalNs.toArray()
    const order = this.ascending && this.callCount === 0 ? undefined : rowOrder(unsorted, toolNsBefore)
    const arrivalNs = permuted(unsorted, order)
    if (this.startsAtFirstArrival) {
      const originNs = arrivalNs[0]!
      for (let row = 0; row < arrivalNs.length; row++) arrivalNs[row]! -= originNs
    }
    return {
      source,
      format,
      requestCount: this.requestCount,
      arrivalCount: this.requestCount - this.callCount,
      arrivalNs,
      promptTokens: permuted(this.promptTokens.toArray(), order),
      outputTokens: permuted(this.outputTokens.toArray(), order),
      prefixGroupTokens: this.prefixIds.length === 0 ? 0 : this.prefixGroupTokens,
      prefixIds: this.prefixIds.toArray(),
      prefixStart: permuted(this.prefixStart.toArray(), order),
      prefixIdCount: permuted(this.prefixIdCount.toArray(), order),
      ...(this.callCount > 0 && order !== undefined && { sessions: sessionColumns(toolNsBefore, order) }),
    }
  }
}

/** File rows in the trace's order: by arrival, then the later calls; ties keep the file's order. */
function rowOrder(arrivalNs: Float64Array, toolNsBefore: Float64Array): Int32Array {
  const rows = Int32Array.from({ length: arrivalNs.length }, (_, row) => row)
  const later = (row: number) => (toolNsBefore[row] === BY_CLOCK ? 0 : 1)
  return rows.sort((a, b) => later(a) - later(b) || arrivalNs[a]! - arrivalNs[b]! || a - b)
}

function permuted<Values extends Int32Array | Float64Array>(values: Values, order: Int32Array | undefined): Values {
  if (order === undefined) return values
  const result = values.slice() as Values
  for (let row = 0; row < order.length; row++) result[row] = values[order[row]!]!
  return result
}

/** In the file a session's calls follow each other, so a call's predecessor is the file row before it. */
function sessionColumns(toolNsBefore: Float64Array, order: Int32Array): SessionColumns {
  const rowOf = new Int32Array(order.length)
  for (let row = 0; row < order.length; row++) rowOf[order[row]!] = row
  const nextCall = new Int32Array(order.length).fill(-1)
  const toolNs = new Float64Array(order.length)
  for (let fileRow = 1; fileRow < order.length; fileRow++) {
    if (toolNsBefore[fileRow] === BY_CLOCK) continue
    const before = rowOf[fileRow - 1]!
    nextCall[before] = rowOf[fileRow]!
    toolNs[before] = toolNsBefore[fileRow]!
  }
  return { nextCall, toolNs }
}
