import { type RequestDraft, ServesimError, type Workload } from '@servesim/core'
import { ReleasedCalls } from './released-calls.js'
import type { SessionColumns, Trace } from './trace.js'

export interface TraceWorkloadOptions {
  /** Arrivals come this many times as fast; > 0. Tool times of sessions stay. */
  rateScale?: number | undefined
  /** Only the first so many arrivals, ≥ 1; a session counts as one, with all its calls. */
  limit?: number | undefined
}

/** Replays a trace. @throws ServesimError SERVESIM_BAD_OPTION */
export function traceWorkload(trace: Trace, options: TraceWorkloadOptions = {}): Workload {
  const { rateScale = 1, limit = trace.arrivalCount } = options
  const arrivalCount = Math.min(limit, trace.arrivalCount)
  if (!(Number.isInteger(arrivalCount) && arrivalCount >= 1)) {
    throw new ServesimError('SERVESIM_BAD_OPTION', 'workload.limit', `limit is ${limit}; expected an integer of 1 or more.`)
  }
  if (!(rateScale > 0 && trace.arrivalNs[arrivalCount - 1]! / rateScale <= Number.MAX_SAFE_INTEGER)) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      'workload.rateScale',
      `rateScale is ${rateScale}; expected a number above 0 that keeps the trace under 104 days.`,
    )
  }
  const rows = new TraceRows(trace, rateScale)
  return trace.sessions === undefined ? new ArrivalsOnly(rows, arrivalCount) : new WithSessions(rows, arrivalCount, trace.sessions)
}

/** Fills drafts from rows. */
class TraceRows {
  private readonly prefixIds: Int32Array

  constructor(
    readonly trace: Trace,
    private readonly rateScale: number,
  ) {
    this.prefixIds = new Int32Array(trace.prefixIdCount.reduce((longest, count) => Math.max(longest, count), 0))
  }

  arrivalNs(row: number): number {
    return Math.round(this.trace.arrivalNs[row]! / this.rateScale)
  }

  fill(row: number, arrivalNs: number, out: RequestDraft): void {
    const { trace, prefixIds } = this
    out.arrivalNs = arrivalNs
    out.promptTokens = trace.promptTokens[row]!
    out.outputTokens = trace.outputTokens[row]!

    out.prefixIds = undefined
    out.prefixIdCount = 0
    const count = trace.prefixIdCount[row]!
    if (count === 0) return
    const start = trace.prefixStart[row]!
    for (let i = 0; i < count; i++) prefixIds[i] = trace.prefixIds[start + i]!
    out.prefixIds = prefixIds
    out.prefixIdCount = count
  }
}

class ArrivalsOnly implements Workload {
  readonly prefixGroupTokens: number
  private row = 0

  constructor(
    private readonly rows: TraceRows,
    readonly requestCount: number,
  ) {
    this.prefixGroupTokens = rows.trace.prefixGroupTokens
  }

  next(out: RequestDraft): 0 | 1 {
    if (this.row === this.requestCount) return 0
    this.rows.fill(this.row, this.rows.arrivalNs(this.row), out)
    this.row++
    return 1
  }
}

class WithSessions implements Workload {
  readonly prefixGroupTokens: number
  readonly requestCount: number
  private readonly released = new ReleasedCalls()
  private readonly rowOfArrival: Int32Array
  private given = 0
  private row = 0
  private lastNs = 0
  /** Later calls whose call before has not completed. */
  private awaited: number

  constructor(
    private readonly rows: TraceRows,
    private readonly arrivalCount: number,
    private readonly sessions: SessionColumns,
  ) {
    this.prefixGroupTokens = rows.trace.prefixGroupTokens
    this.awaited = laterCalls(sessions.nextCall, arrivalCount)
    this.requestCount = arrivalCount + this.awaited
    this.rowOfArrival = new Int32Array(this.requestCount)
  }

  next(out: RequestDraft): 0 | 1 | 2 {
    const arrivalNs = this.row < this.arrivalCount ? this.rows.arrivalNs(this.row) : Number.POSITIVE_INFINITY
    if (this.released.firstNs < arrivalNs) this.give(this.released.firstNs, this.released.takeFirst(), out)
    else if (this.row < this.arrivalCount) this.give(arrivalNs, this.row++, out)
    else return this.awaited > 0 ? 2 : 0
    return 1
  }

  /** The next call follows a completion and the tool time; it follows a refusal too, so that a session never hangs. */
  onEnd(arrivalIndex: number, timeNs: number): void {
    const row = this.rowOfArrival[arrivalIndex]!
    const nextCall = this.sessions.nextCall[row]!
    if (nextCall < 0) return
    this.awaited--
    this.released.add(timeNs + this.sessions.toolNs[row]!, nextCall)
  }

  private give(arrivalNs: number, row: number, out: RequestDraft): void {
    // The engine may already hold the next arrival by the clock when a call is released before it; order is the contract.
    this.lastNs = Math.max(this.lastNs, arrivalNs)
    this.rowOfArrival[this.given++] = row
    this.rows.fill(row, this.lastNs, out)
  }
}

function laterCalls(nextCall: Int32Array, arrivalCount: number): number {
  let count = 0
  for (let row = 0; row < arrivalCount; row++) {
    for (let call = nextCall[row]!; call >= 0; call = nextCall[call]!) count++
  }
  return count
}
