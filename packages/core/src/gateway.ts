import type { BuiltPool } from './build-pool.js'
import { LiveClusterView } from './cluster-view.js'
import { ServesimError } from './errors.js'
import { type EventQueue, Phase } from './event-queue.js'
import { type Admission, Verdict } from './points/admission.js'
import type { Router } from './points/router.js'
import type { RequestTable } from './request-table.js'
import type { RequestTexts } from './request-texts.js'
import { RequestList } from './running-list.js'
import type { StepUnit } from './step-unit.js'

/** Replicas that serve one stage of requests, each with its pool, and who chooses among them. */
export interface Role {
  name: string
  units: StepUnit[]
  pools: BuiltPool[]
  /** Absent where there is no choice. */
  router: Router | undefined
}

/** What the gateway needs of the simulation. */
export interface GatewayHost {
  readonly requests: RequestTable
  readonly events: EventQueue
  readonly texts: RequestTexts
  /** An admitted request sets out. */
  enter(request: number, nowNs: number): void
  /** It could never be served, or admission says no. */
  refuse(request: number, reason: string): void
}

/** A role, what its router sees, and admitted requests for which none of its replicas takes requests now. */
interface Entrance {
  role: Role
  view: LiveClusterView
  homeless: RequestList
}

/** The service's door: admission, then routing to a replica of the role that serves the request. Who cannot go on waits here, in order. */
export class Gateway {
  /** Not let in yet. */
  private readonly queue = new RequestList()
  private readonly entrances: Entrance[]

  /** @param doorHandle of the event at which the door is looked at again */
  constructor(
    roles: readonly Role[],
    private readonly admissions: readonly Admission[],
    private readonly doorHandle: number,
    private readonly host: GatewayHost,
  ) {
    this.entrances = roles.map((role) => ({ role, view: new LiveClusterView(role.units), homeless: new RequestList() }))
  }

  get waitingCount(): number {
    return this.entrances.reduce((sum, { homeless }) => sum + homeless.length, this.queue.length)
  }

  /** Those of them that are clients' own requests. */
  get waitingRequests(): number {
    const { internal } = this.host.requests
    let count = this.queue.length
    for (const { homeless } of this.entrances) for (let i = 0; i < homeless.length; i++) if (internal[homeless.at(i)] === 0) count++
    return count
  }

  /** A request has arrived (phase 1). */
  arrive(request: number, nowNs: number): void {
    const verdict = this.admissions.length === 0 ? Verdict.accept : this.ask(request, this.queue.length, nowNs)
    if (verdict === Verdict.queue) this.queue.push(request)
    else if (verdict === Verdict.accept) this.host.enter(request, nowNs)
  }

  private ask(request: number, queued: number, nowNs: number): Verdict {
    const { view } = this.entrances[0]!
    this.show(view, request, nowNs)
    for (const admission of this.admissions) {
      const verdict = admission.admit(request, view, queued, nowNs)
      if (verdict === Verdict.refuse) this.host.refuse(request, admission.reason)
      if (verdict !== Verdict.accept) return verdict
    }
    return Verdict.accept
  }

  private show(view: LiveClusterView, request: number, nowNs: number): void {
    view.nowNs = nowNs
    view.text = this.host.texts.of(request)
    view.tokens = this.host.requests.promptTokens[request]!
  }

  /** A request ended or left a replica's queue, or a replica came up: the door is looked at, once for all that happens at this instant. */
  somethingChanged(nowNs: number): void {
    if (this.waitingCount > 0) this.host.events.set(this.doorHandle, nowNs, Phase.arrive)
  }

  /** Those that wait are tried again, until one stays. */
  look(nowNs: number): void {
    for (const { role, homeless } of this.entrances) {
      while (homeless.length > 0 && role.units.some((unit) => unit.takesRequests)) {
        this.send(
          homeless.shift(),
          this.entrances.findIndex((e) => e.role === role),
          nowNs,
        )
      }
    }
    while (this.queue.length > 0) {
      const request = this.queue.at(0)
      const verdict = this.ask(request, this.queue.length - 1, nowNs)
      if (verdict === Verdict.queue) return
      // A refused request's row may be another's by now.
      this.queue.shift()
      if (verdict === Verdict.accept) this.host.enter(request, nowNs)
    }
  }

  /** Sends an admitted request to a replica of the `role`-th role. */
  send(request: number, role: number, nowNs: number): void {
    const {
      view,
      homeless,
      role: { name, units, pools, router },
    } = this.entrances[role]!
    if (!units.some((unit) => unit.takesRequests)) {
      homeless.push(request)
      return
    }
    const { requests, texts } = this.host
    this.show(view, request, nowNs)
    const target = router === undefined ? 0 : router.route(request, view, nowNs)
    const unit = units[target]
    if (unit === undefined || !unit.takesRequests) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        'router',
        `The router chose replica ${target} of ${units.length}${name === '' ? '' : ` of role "${name}"`} for request ${requests.arrivalIndex[request]} at ${nowNs} ns` +
          `${unit === undefined ? '' : ', which takes no requests now'}.`,
        'Routers choose among the replicas for which `takesRequests` of the view holds: report it to the router’s author.',
      )
    }
    const reason = this.refusal(request, pools[target]!)
    if (reason !== undefined) {
      this.host.refuse(request, reason)
      return
    }
    const text = texts.of(request)
    if (text !== undefined) unit.identify(request, text)
    unit.arrive(request, nowNs)
  }

  /** Why no schedule could ever serve this request there; the engine's front end refuses it likewise. Output beyond the longest sequence is cut. */
  private refusal(request: number, { maxModelLenTokens: longest, name }: BuiltPool): string | undefined {
    const { promptTokens, maxOutputTokens, stopTokens } = this.host.requests
    const prompt = promptTokens[request]!
    if (prompt >= longest) return `its ${prompt} prompt tokens leave no room for output in sequences of at most ${longest} tokens (${name})`
    maxOutputTokens[request] = Math.min(maxOutputTokens[request]!, longest - prompt)
    stopTokens[request] = Math.min(stopTokens[request]!, longest - prompt)
    return undefined
  }

  /** Nothing will happen any more: requests of roles of which no replica takes requests, each taken off its list. */
  takeHomeless(): number[] {
    const closed = this.entrances.filter(({ role }) => !role.units.some((unit) => unit.takesRequests))
    const lists = closed.map(({ homeless }) => homeless)
    if (closed.includes(this.entrances[0]!)) lists.push(this.queue)
    const rows = lists.flatMap((list) => Array.from({ length: list.length }, (_, i) => list.at(i)))
    for (const list of lists) list.clear()
    return rows
  }

  /** The client of a request that may wait here has gone. @returns whether it waited here */
  withdraw(request: number): boolean {
    return [this.queue, ...this.entrances.map(({ homeless }) => homeless)].some((list) => list.remove(request))
  }
}
