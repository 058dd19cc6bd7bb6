import type { Journey, JourneyContext, JourneyFactory } from './points/journey.js'
import type { RequestTable } from './request-table.js'
import type { RequestTexts } from './request-texts.js'

/** What journeys need of the simulation. */
export interface JourneysHost {
  readonly requests: RequestTable
  readonly texts: RequestTexts
  send(row: number, role: number): void
  refuse(request: number, reason: string): void
  /** The row is at the door or on a replica: it is to leave, as when its client goes away. @returns whether it has left at once */
  withdraw(row: number): boolean
}

/** Sends requests on their way and keeps the books of their subrequests. Without a journey there is one role and nothing to plan. */
export class Journeys {
  private readonly journey: Journey | undefined
  /** Requests by the rows of their subrequests; −1: nobody waits for it any more. */
  private readonly requestsOf = new Map<number, number>()

  constructor(
    factory: JourneyFactory | undefined,
    private readonly host: JourneysHost,
  ) {
    this.journey = factory?.build(this.context())
  }

  get active(): boolean {
    return this.journey !== undefined
  }

  /** Subrequests in flight. */
  get count(): number {
    return this.requestsOf.size
  }

  isSubrequest(row: number): boolean {
    return this.requestsOf.has(row)
  }

  /** A subrequest that was cancelled and has not left yet. */
  isForNobody(row: number): boolean {
    return this.requestsOf.get(row) === nobody
  }

  /** The client's request for which a row stands. */
  requestOf(row: number): number {
    return this.requestsOf.get(row) ?? row
  }

  private context(): JourneyContext {
    const { host } = this
    return {
      requests: host.requests,
      send: (row, role) => host.send(row, role),
      subrequest: (request) => this.subrequest(request),
      cancel: (subrequest) => this.cancel(subrequest),
      refuse: (request, reason) => host.refuse(request, reason),
    }
  }

  private subrequest(request: number): number {
    const { requests, texts } = this.host
    const row = requests.allocate(true)
    for (const column of [requests.arrivalIndex, requests.arrivalNs, requests.priority, requests.tenant]) column[row] = column[request]!
    // What it had generated before it lost a replica is part of what has to be computed.
    requests.promptTokens[row] = requests.promptTokens[request]! + requests.outputTokens[request]!
    requests.maxOutputTokens[row] = 1
    requests.stopTokens[row] = 1
    texts.copy(request, row)
    this.requestsOf.set(row, request)
    return row
  }

  private cancel(subrequest: number): void {
    this.requestsOf.set(subrequest, nobody)
    if (this.host.withdraw(subrequest)) this.withdrawn(subrequest)
  }

  begin(request: number, nowNs: number): void {
    if (this.journey === undefined) this.host.send(request, 0)
    else this.journey.begin(request, nowNs)
  }

  /** The request has ended, or has lost its replica. */
  ended(request: number): void {
    this.journey?.left(request)
  }

  /** A subrequest's prompt is computed. Where it was queued and scheduled first, and what it found cached, is what the request's metrics mean. */
  done(subrequest: number, nowNs: number): void {
    const request = this.requestOf(subrequest)
    if (request !== nobody) {
      const { queuedNs, firstScheduledNs, cachedTokens } = this.host.requests
      for (const column of [queuedNs, firstScheduledNs, cachedTokens]) if (column[request]! < 0) column[request] = column[subrequest]!
      this.journey!.done(subrequest, nowNs)
    }
    this.withdrawn(subrequest)
  }

  /** A subrequest has ended without that. */
  failed(subrequest: number, reason: string | undefined, nowNs: number): void {
    if (this.requestOf(subrequest) !== nobody) this.journey!.failed(subrequest, reason, nowNs)
    this.withdrawn(subrequest)
  }

  /** A subrequest is nowhere any more. */
  withdrawn(subrequest: number): void {
    this.requestsOf.delete(subrequest)
    this.host.requests.release(subrequest)
  }
}

const nobody = -1
