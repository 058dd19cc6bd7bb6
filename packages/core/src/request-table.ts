/** Life of a request inside the engine. */
export const RequestStatus = {
  /** At the replica's door: the engine drains its input only between steps. */
  queued: 0,
  waiting: 1,
  running: 2,
  preempted: 3,
  /** The row is free, or its request has not reached a replica: it is nobody's. */
  away: 4,
  /** It has blocks, and a tier brings their content. */
  loading: 5,
} as const

/** A column that a technique added; its array is replaced when the table grows. */
export interface RequestColumn {
  values: Float64Array
}

/**
 * Requests in flight, one typed array per column; a request is named by its row. Rows are reused, so that memory follows what is in
 * flight and not what has passed. Arrays are replaced when the table grows: read them through the table, do not keep them.
 *
 * The letters are vLLM's: P prompt, O output so far, T = P + O, C computed, H placeholders of tokens still in flight, M output limit.
 */
export class RequestTable {
  /** Position in the order of arrival, from 0. */
  arrivalIndex = new Float64Array(0)
  arrivalNs = new Float64Array(0)
  /** When the engine took it out of its input queue. */
  queuedNs = new Float64Array(0)
  /** −1 until it happens. */
  firstScheduledNs = new Float64Array(0)
  firstTokenNs = new Float64Array(0)
  lastTokenNs = new Float64Array(0)
  priority = new Float64Array(0)
  /** Who sent it; 0 where the workload does not say. */
  tenant = new Float64Array(0)
  /** When its client goes away; Infinity: never. */
  cancelNs = new Float64Array(0)
  /** P */
  promptTokens = new Int32Array(0)
  /** M */
  maxOutputTokens = new Int32Array(0)
  /** Tokens after which it ends: M, or fewer where the model then yields its end of sequence, which no scheduler can know before. */
  stopTokens = new Int32Array(0)
  /** O */
  outputTokens = new Int32Array(0)
  /** C */
  computedTokens = new Int32Array(0)
  /** H */
  placeholderTokens = new Int32Array(0)
  /** Number of the step that computes its newest token, counted by its replica; kept only where a replica has pipeline stages. */
  tokenStep = new Int32Array(0)
  /** Drafts that its next step shall verify, and drafts of it that were ever rejected. */
  draftTokens = new Int32Array(0)
  rejectedTokens = new Int32Array(0)
  /** KV blocks it holds, shared ones included. */
  blocks = new Int32Array(0)
  /** Prompt tokens found in the cache at its first admission; −1 before. */
  cachedTokens = new Int32Array(0)
  preemptions = new Int32Array(0)
  replica = new Int32Array(0)
  status = new Uint8Array(0)
  /** 1 where the KV index knows its text. */
  identified = new Uint8Array(0)

  /** 1 for a row that is no client's request: what is computed for one elsewhere, or blocks that outlive theirs. */
  internal = new Uint8Array(0)

  /** 1 while a technique holds it back from the scheduler. */
  held = new Uint8Array(0)

  private readonly added: RequestColumn[] = []
  private freeRows = new Int32Array(0)
  private freeCount = 0
  private capacity = 0
  /** Rows in use that are no client's request. */
  internalCount = 0

  /** Requests that have arrived and not ended. */
  get inFlight(): number {
    return this.capacity - this.freeCount - this.internalCount
  }

  /** Requests in flight that stand at no replica. Looks at all rows: for what happens rarely, and for checks. */
  countAway(): number {
    let onReplicas = 0
    for (let row = 0; row < this.capacity; row++) if (this.status[row] !== RequestStatus.away && this.internal[row] === 0) onReplicas++
    return this.inFlight - onReplicas
  }

  /** Rows that a replica has, in order. Looks at all of them: for what happens rarely. */
  rowsOf(replica: number): number[] {
    const rows: number[] = []
    for (let row = 0; row < this.capacity; row++) {
      if (this.replica[row] === replica && this.status[row] !== RequestStatus.away) rows.push(row)
    }
    return rows
  }

  /** A cleared row. @param internal it is no client's request */
  allocate(internal = false): number {
    if (this.freeCount === 0) this.grow()
    const row = this.freeRows[--this.freeCount]!
    this.firstScheduledNs[row] = -1
    this.firstTokenNs[row] = -1
    this.lastTokenNs[row] = -1
    this.queuedNs[row] = -1
    this.outputTokens[row] = 0
    this.computedTokens[row] = 0
    this.placeholderTokens[row] = 0
    this.tokenStep[row] = -1
    this.draftTokens[row] = 0
    this.rejectedTokens[row] = 0
    this.blocks[row] = 0
    this.cachedTokens[row] = -1
    this.preemptions[row] = 0
    this.replica[row] = -1
    this.status[row] = RequestStatus.away
    this.cancelNs[row] = Number.POSITIVE_INFINITY
    this.tenant[row] = 0
    this.identified[row] = 0
    this.held[row] = 0
    this.internal[row] = internal ? 1 : 0
    if (internal) this.internalCount++
    for (const column of this.added) column.values[row] = 0
    return row
  }

  /** The replica that had this request is gone, and with it all that it had computed: only its tokens so far are left. */
  startOver(row: number): void {
    this.computedTokens[row] = 0
    this.draftTokens[row] = 0
    this.placeholderTokens[row] = 0
    this.tokenStep[row] = -1
    this.draftTokens[row] = 0
    this.rejectedTokens[row] = 0
    this.blocks[row] = 0
    this.replica[row] = -1
    this.status[row] = RequestStatus.away
    this.identified[row] = 0
    this.held[row] = 0
    // In a stretch the next drain is foreseen.
    if (this.firstScheduledNs[row]! < 0) this.queuedNs[row] = -1
  }

  addColumn(): RequestColumn {
    const column = { values: new Float64Array(this.capacity) }
    this.added.push(column)
    return column
  }

  release(row: number): void {
    this.status[row] = RequestStatus.away
    this.replica[row] = -1
    if (this.internal[row] === 1) this.internalCount--
    this.internal[row] = 0
    this.freeRows[this.freeCount++] = row
  }

  private grow(): void {
    const before = this.capacity
    const after = before === 0 ? 1024 : before * 2
    const wide = (old: Float64Array) => {
      const grown = new Float64Array(after)
      grown.set(old)
      return grown
    }
    const narrow = (old: Int32Array) => {
      const grown = new Int32Array(after)
      grown.set(old)
      return grown
    }
    const bytes = (old: Uint8Array) => {
      const grown = new Uint8Array(after)
      grown.set(old)
      return grown
    }
    this.arrivalIndex = wide(this.arrivalIndex)
    this.arrivalNs = wide(this.arrivalNs)
    this.queuedNs = wide(this.queuedNs)
    this.firstScheduledNs = wide(this.firstScheduledNs)
    this.firstTokenNs = wide(this.firstTokenNs)
    this.lastTokenNs = wide(this.lastTokenNs)
    this.priority = wide(this.priority)
    this.tenant = wide(this.tenant)
    this.cancelNs = wide(this.cancelNs)
    this.promptTokens = narrow(this.promptTokens)
    this.maxOutputTokens = narrow(this.maxOutputTokens)
    this.stopTokens = narrow(this.stopTokens)
    this.outputTokens = narrow(this.outputTokens)
    this.computedTokens = narrow(this.computedTokens)
    this.placeholderTokens = narrow(this.placeholderTokens)
    this.tokenStep = narrow(this.tokenStep)
    this.draftTokens = narrow(this.draftTokens)
    this.rejectedTokens = narrow(this.rejectedTokens)
    this.blocks = narrow(this.blocks)
    this.cachedTokens = narrow(this.cachedTokens)
    this.preemptions = narrow(this.preemptions)
    this.replica = narrow(this.replica)
    this.status = bytes(this.status)
    this.identified = bytes(this.identified)
    this.held = bytes(this.held)
    this.internal = bytes(this.internal)
    for (const column of this.added) column.values = wide(column.values)
    // The freed rows lie below the new ones on the stack only while none is free, so low rows are used first.
    this.freeRows = narrow(this.freeRows)
    this.status.fill(RequestStatus.away, before)
    for (let row = after - 1; row >= before; row--) this.freeRows[this.freeCount++] = row
    this.capacity = after
  }
}
