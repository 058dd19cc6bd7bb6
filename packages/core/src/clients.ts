import { type EventQueue, Phase } from './event-queue.js'
import type { RequestTable } from './request-table.js'

/** How long clients wait, ns; Infinity: for ever. */
export interface Patience {
  /** From arrival to the first token, and to the last. */
  firstTokenNs: number
  lastTokenNs: number
}

/** Clients that go away before their request is done: at an instant that the workload knows, or since they have waited too long. */
export class Clients {
  constructor(
    private readonly events: EventQueue,
    private readonly requests: RequestTable,
    private readonly patience: Patience,
    /** Handle of a row's event. */
    private readonly handleOf: (row: number) => number,
  ) {}

  /** A request has arrived. */
  watch(row: number): void {
    const { requests, patience } = this
    const arrivalNs = requests.arrivalNs[row]!
    requests.cancelNs[row] = Math.min(requests.cancelNs[row]!, arrivalNs + patience.lastTokenNs)
    this.wakeAt(row, Math.min(requests.cancelNs[row]!, arrivalNs + patience.firstTokenNs))
  }

  /** The request has ended. */
  forget(row: number): void {
    this.events.remove(this.handleOf(row))
  }

  /** A row's event is due. @returns whether its client is gone */
  isGone(row: number, nowNs: number): boolean {
    const { requests } = this
    if (requests.cancelNs[row]! > nowNs && requests.firstTokenNs[row]! >= 0) {
      this.wakeAt(row, requests.cancelNs[row]!)
      return false
    }
    requests.cancelNs[row] = nowNs
    return true
  }

  private wakeAt(row: number, timeNs: number): void {
    if (timeNs < Number.POSITIVE_INFINITY) this.events.set(this.handleOf(row), timeNs, Phase.arrive)
  }
}
