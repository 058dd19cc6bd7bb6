/**
 * Recorded requests as columns, one row each. Rows below `arrivalCount` arrive by the clock, in ascending order; the rows after them
 * are later calls of agentic sessions, released by the completion of the call before.
 */
export interface Trace {
  /** Where it was read from, for messages. */
  readonly source: string
  /** Name of the reader. */
  readonly format: string
  readonly requestCount: number
  readonly arrivalCount: number
  /** Integer ns ≥ 0 from the start of the simulation; for later calls of a session that of its first call. */
  readonly arrivalNs: Float64Array
  /** ≥ 1. */
  readonly promptTokens: Int32Array
  /** ≥ 1. */
  readonly outputTokens: Int32Array
  /** Tokens that one prefix id covers; 0 where no request has any. */
  readonly prefixGroupTokens: number
  /** Ids of all requests, one after the other; row r owns `prefixIdCount[r]` of them from `prefixStart[r]` on. */
  readonly prefixIds: Int32Array
  readonly prefixStart: Int32Array
  readonly prefixIdCount: Int32Array
  /** Absent where no request waits for another. */
  readonly sessions?: SessionColumns
}

export interface SessionColumns {
  /** Row of the session's next call; −1 after the last. */
  readonly nextCall: Int32Array
  /** Integer ns from the completion of this call to the release of the next (tool time); 0 after the last. */
  readonly toolNs: Float64Array
}
