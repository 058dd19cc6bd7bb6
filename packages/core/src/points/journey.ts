import type { RequestTable } from '../request-table.js'
import { definePoint } from './point.js'

/**
 * A request's way through pools of different roles. Without a journey every pool serves every request from its prompt to its last token.
 * What is computed for a request elsewhere is a *subrequest*: a row of its own, with the request's text and lengths, that its replica
 * serves like any other; it yields one token, which nobody sees, and is no request in any count.
 */
export interface Journey {
  /** A request was let in, or has lost its replica: it is sent on its way. It belongs to no replica and has nothing computed. */
  begin(request: number, nowNs: number): void
  /** A subrequest has had its prompt computed and ends; core has called `KvTier.released` for it. Its row is free when this returns. */
  done(subrequest: number, nowNs: number): void
  /** A subrequest ends without that: it was refused, for `reason`, or its replica has died. Its row is free when this returns. */
  failed(subrequest: number, reason: string | undefined, nowNs: number): void
  /** The request has ended in whatever way, or has lost its replica and is about to begin again: what was set going for it is void. */
  left(request: number): void
}

/** What a journey may do while events run. */
export interface JourneyContext {
  /** Roles of the scenario's pools, in the order of the journey; requests are let in by the view of the first. */
  readonly requests: RequestTable
  /** Sends a request or a subrequest to a replica of the role-th role, which its router chooses. It waits at the door where none takes any. */
  send(row: number, role: number): void
  /** A new subrequest of the request, not sent yet. */
  subrequest(request: number): number
  /** A subrequest that was not done is needed no more: it leaves as a client's request would, and nothing is heard of it. */
  cancel(subrequest: number): void
  /** The request cannot be served anywhere. */
  refuse(request: number, reason: string): void
}

/** A claim of the point. */
export interface JourneyFactory {
  /** Roles that pools must have and no others, the one where requests enter first. */
  readonly roles: readonly string[]
  build(context: JourneyContext): Journey
}

export const journey = definePoint<JourneyFactory>({ id: 'servesim/journey', contract: 1, cardinality: 'single', scope: 'cluster' })
