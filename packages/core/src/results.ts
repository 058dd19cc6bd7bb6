import { DurationHistogram } from './histogram.js'
import type { RequestColumn, RequestTable } from './request-table.js'

/** Where finished requests and token gaps go. */
export interface RequestSink {
  /** `weight` outputs came, each `gapNs` after the one of its request before: one token, or all that a step yields for a request. */
  token(gapNs: number, weight: number): void
  finish(request: number, nowNs: number): void
  /** A request has left its replica since its client went away. */
  aborted(request: number, nowNs: number): void
  /** Requests have left the replica's queue for its running batch. */
  admitted(nowNs: number): void
}

/** A request that was not let in: no replica could ever serve it, or admission refused it. */
export interface Refusal {
  arrivalIndex: number
  promptTokens: number
  outputTokens: number
  reason: string
}

/** How requests end that were let in and not served to their end: the client went away, or the replica died. */
export const unservedKinds = ['aborted', 'lost'] as const
export type UnservedKind = (typeof unservedKinds)[number]

/** A request that was let in and did not finish. */
export interface Unserved {
  kind: UnservedKind
  arrivalIndex: number
  timeNs: number
  /** Tokens that it had got by then. */
  outputTokens: number
}

export const requestColumnNames = [
  'arrivalIndex',
  'arrivalNs',
  'queuedNs',
  'firstScheduledNs',
  'firstTokenNs',
  'lastTokenNs',
  'promptTokens',
  'outputTokens',
  'cachedTokens',
  'preemptions',
  'replica',
  'priority',
  'tenant',
] as const
export type RequestColumnName = (typeof requestColumnNames)[number]

/** Finished requests as columns, in order of completion. Only the first `length` entries of a column are valid. */
export class RequestColumns {
  length = 0
  private capacity = 0
  private columns: Record<RequestColumnName, Float64Array>
  private readonly added: { name: string; unit: string; from: RequestColumn; values: Float64Array }[] = []

  constructor() {
    this.columns = Object.fromEntries(requestColumnNames.map((name) => [name, new Float64Array(0)])) as Record<
      RequestColumnName,
      Float64Array
    >
  }

  column(name: RequestColumnName): Float64Array {
    return this.columns[name].subarray(0, this.length)
  }

  /** Columns that techniques added, with their units. */
  get addedColumns(): { name: string; unit: string; values: Float64Array }[] {
    return this.added.map(({ name, unit, values }) => ({ name, unit, values: values.subarray(0, this.length) }))
  }

  addColumn(name: string, unit: string, from: RequestColumn): void {
    this.added.push({ name, unit, from, values: new Float64Array(this.capacity) })
  }

  append(requests: RequestTable, r: number): void {
    if (this.length === this.capacity) this.grow()
    const { columns, length: row } = this
    columns.arrivalIndex[row] = requests.arrivalIndex[r]!
    columns.arrivalNs[row] = requests.arrivalNs[r]!
    columns.queuedNs[row] = requests.queuedNs[r]!
    columns.firstScheduledNs[row] = requests.firstScheduledNs[r]!
    columns.firstTokenNs[row] = requests.firstTokenNs[r]!
    columns.lastTokenNs[row] = requests.lastTokenNs[r]!
    columns.promptTokens[row] = requests.promptTokens[r]!
    columns.outputTokens[row] = requests.outputTokens[r]!
    columns.cachedTokens[row] = Math.max(0, requests.cachedTokens[r]!)
    columns.preemptions[row] = requests.preemptions[r]!
    columns.replica[row] = requests.replica[r]!
    columns.priority[row] = requests.priority[r]!
    columns.tenant[row] = requests.tenant[r]!
    for (const column of this.added) column.values[row] = column.from.values[r]!
    this.length++
  }

  clear(): void {
    this.length = 0
  }

  private grow(): void {
    this.capacity = Math.max(1024, this.capacity * 2)
    for (const name of requestColumnNames) {
      const grown = new Float64Array(this.capacity)
      grown.set(this.columns[name])
      this.columns[name] = grown
    }
    for (const column of this.added) {
      const grown = new Float64Array(this.capacity)
      grown.set(column.values)
      column.values = grown
    }
  }
}

/** From which instant TTFT and latency count. */
export type LatencyFrom = 'arrival' | 'queued'

/** Percentile sketches of the per-request metrics, for runs with more requests than rows are kept. */
export class MetricSketches {
  readonly ttft = new DurationHistogram()
  readonly tpot = new DurationHistogram()
  readonly latency = new DurationHistogram()

  constructor(private readonly from: LatencyFrom) {}

  add(columns: RequestColumns, row: number): void {
    const start = columns.column(this.from === 'arrival' ? 'arrivalNs' : 'queuedNs')[row]!
    const first = columns.column('firstTokenNs')[row]!
    const last = columns.column('lastTokenNs')[row]!
    const output = columns.column('outputTokens')[row]!
    this.ttft.add(first - start, 1)
    this.latency.add(last - start, 1)
    if (output > 1) this.tpot.add((last - first) / (output - 1), 1)
  }
}

/** Collects what a run yields; memory stays flat beyond `keepRequests` rows. */
export class Results {
  readonly requests = new RequestColumns()
  readonly itl = new DurationHistogram()
  /** Set once rows are dropped; from then on it holds all requests. */
  sketches: MetricSketches | undefined
  arrived = 0
  finished = 0
  refusedCount = 0
  /** The first thousand. */
  readonly refused: Refusal[] = []
  readonly unservedCounts: Record<UnservedKind, number> = { aborted: 0, lost: 0 }
  /** The first thousand. */
  readonly unserved: Unserved[] = []
  /** Tokens that unserved requests had got, and how many of those had got any: their gaps are among `itl`. */
  unservedTokens = 0
  unservedWithTokens = 0
  promptTokens = 0
  outputTokens = 0
  cachedTokens = 0
  preemptions = 0
  firstArrivalNs = Number.POSITIVE_INFINITY
  lastTokenNs = 0

  constructor(
    private readonly keepRequests: number,
    private readonly latencyFrom: LatencyFrom,
  ) {}

  add(requests: RequestTable, r: number): void {
    this.finished++
    this.promptTokens += requests.promptTokens[r]!
    this.outputTokens += requests.outputTokens[r]!
    this.cachedTokens += Math.max(0, requests.cachedTokens[r]!)
    this.preemptions += requests.preemptions[r]!
    if (requests.lastTokenNs[r]! > this.lastTokenNs) this.lastTokenNs = requests.lastTokenNs[r]!
    this.requests.append(requests, r)
    if (this.sketches !== undefined) this.moveToSketches()
    else if (this.requests.length > this.keepRequests) {
      this.sketches = new MetricSketches(this.latencyFrom)
      this.moveToSketches()
    }
  }

  refuse(refusal: Refusal): void {
    this.refusedCount++
    if (this.refused.length < 1000) this.refused.push(refusal)
  }

  /** A request that was let in ends without being served to its end. */
  abandon(requests: RequestTable, r: number, kind: UnservedKind, timeNs: number): void {
    const outputTokens = requests.outputTokens[r]!
    this.unservedCounts[kind]++
    this.unservedTokens += outputTokens
    if (outputTokens > 0) this.unservedWithTokens++
    if (this.unserved.length < 1000) this.unserved.push({ kind, arrivalIndex: requests.arrivalIndex[r]!, timeNs, outputTokens })
  }

  private moveToSketches(): void {
    for (let row = 0; row < this.requests.length; row++) this.sketches!.add(this.requests, row)
    this.requests.clear()
  }
}
