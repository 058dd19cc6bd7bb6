import { bindFabric, planFabric } from './build-fabric.js'
import { buildAdmissions, buildControllers } from './build-policies.js'
import { type BuiltPool, buildPool } from './build-pool.js'
import { buildClusterTechniques, buildRoles } from './build-roles.js'
import { Clients } from './clients.js'
import { parseOptions, parseScenario, type Scenario, type ScenarioInput } from './config.js'
import { Controllers, clusterOf } from './controllers.js'
import { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import { EventQueue, Phase } from './event-queue.js'
import { Gateway } from './gateway.js'
import { Journeys } from './journeys.js'
import { type Plugin, Registry } from './plugin.js'
import { emptyDraft, type Workload, workload } from './points/workload.js'
import { createRandomSource } from './random.js'
import { Replicas } from './replicas.js'
import { RequestTable } from './request-table.js'
import { RequestTexts } from './request-texts.js'
import { type RequestSink, Results, type UnservedKind } from './results.js'
import type { StepUnit } from './step-unit.js'
import { type SimulationResult, summarise } from './summary.js'

export interface SimulationInput extends ScenarioInput {
  plugins: readonly Plugin[]
}

export interface BuildOptions {
  /** False takes every step on the plain path: slower, same result; for tests. */
  stretches?: boolean
}

export interface Advance {
  /** Stops before the first event later than this. */
  untilNs?: number
  /** Stops after so many events. */
  maxEvents?: number
}

/** State between two slices of a run. */
export interface Snapshot {
  nowNs: number
  arrived: number
  finished: number
  refused: number
  /** Let in and not served to their end: the client went away, or the replica died. */
  aborted: number
  lost: number
  /** Requests at the door, and all that have arrived and not ended. */
  atDoor: number
  inFlight: number
  /** Requests that stand nowhere while something is computed for them elsewhere, and what is. */
  away: number
  subrequests: number
  steps: number
  replicas: { waiting: number; running: number; usedBlocks: number; totalBlocks: number }[]
}

/** @throws ServesimError for every mistake in the scenario, before the first event */
export function createSimulation(input: SimulationInput, options: BuildOptions = {}): Simulation {
  const { plugins, ...scenario } = input
  return new Simulation(parseScenario(scenario), new Registry(plugins), options)
}

/** The engine's loop: pops the next event or pulls the next arrival, moves the clock, dispatches. */
export class Simulation {
  readonly pools: BuiltPool[]
  readonly units: readonly StepUnit[]
  readonly results: Results
  readonly engine: Engine
  private readonly events = new EventQueue()
  private readonly requests = new RequestTable()
  private readonly texts: RequestTexts
  private readonly replicas: Replicas
  private readonly gateway: Gateway
  private readonly journeys: Journeys
  /** What techniques of the whole cluster assume. */
  readonly assumptions: readonly string[]
  private readonly clients: Clients
  private readonly controllers: Controllers
  /** Handles below are the units’ own; this one is the door's, and those above are the engine's. */
  private readonly doorHandle: number
  private readonly workload: Workload
  private readonly draft = emptyDraft()
  /** Whether `draft` holds the next arrival, more may come after a completion, or none will. */
  private arrivals: 'ready' | 'pending' | 'none' = 'none'
  /** Requests that leave since a replica that worked for them has died. */
  private readonly losing = new Set<number>()
  private nowNs = 0
  private done = false

  constructor(
    readonly scenario: Scenario,
    registry: Registry,
    { stretches = true }: BuildOptions,
  ) {
    const { events, requests } = this
    const random = createRandomSource(scenario.seed)
    this.results = new Results(scenario.results.keepRequests, scenario.latencyFrom)
    this.doorHandle = 2 * scenario.pools.reduce((sum, pool) => sum + pool.count, 0)
    this.engine = new Engine(events, requests, this.results, this.doorHandle + 1)
    const links = planFabric(scenario.fabric, registry)
    const cluster = buildClusterTechniques(scenario, registry, this.engine)
    this.assumptions = cluster.assumptions
    const shared = { engine: this.engine, random, requests: this.requests, links, inherited: cluster.inherited }
    this.pools = scenario.pools.map((pool, i) => buildPool(pool, `pools[${i}]`, registry, shared))
    bindFabric(scenario, this.pools, links, registry, this.engine)
    const sink: RequestSink = {
      token: (gapNs, weight) => this.results.itl.add(gapNs, weight),
      finish: (row, nowNs) => this.finish(row, nowNs),
      aborted: (row, nowNs) => this.left(row, nowNs),
      admitted: (nowNs) => this.gateway.somethingChanged(nowNs),
    }
    const load = (replica: number, share: number) => this.engine.transfers.load(replica, share)
    this.replicas = new Replicas(this.pools, { requests, events, sink, clock: this.engine, stretches, load })
    this.units = this.replicas.units
    this.engine.units = this.units
    // Who waits at the door, goes through several pools or loses its replica is sent to one later.
    const lasting = scenario.admission.length + scenario.controllers.length > 0 || cluster.journey !== undefined
    this.texts = new RequestTexts(() => this.workload.prefixGroupTokens, lasting)
    const roles = buildRoles(scenario, cluster, this.replicas, registry, random)
    const admissions = buildAdmissions(scenario, roles[0]!.units.length, requests, registry, random)
    this.gateway = new Gateway(roles, admissions, this.doorHandle, {
      requests,
      events,
      texts: this.texts,
      enter: (request, nowNs) => this.journeys.begin(request, nowNs),
      refuse: (request, reason) => this.refuse(request, reason),
    })
    this.journeys = new Journeys(cluster.journey, {
      requests,
      texts: this.texts,
      send: (row, role) => this.gateway.send(row, role, this.nowNs),
      refuse: (request, reason) => this.refuse(request, reason),
      withdraw: (row) => this.withdraw(row),
    })
    const ns = (s: number | undefined) => (s === undefined ? Number.POSITIVE_INFINITY : Math.round(s * 1e9))
    const patience = { firstTokenNs: ns(scenario.client.firstTokenTimeoutS), lastTokenNs: ns(scenario.client.timeoutS) }
    this.clients = new Clients(events, requests, patience, (row) => this.engine.clientHandle(row))
    this.controllers = new Controllers(buildControllers(scenario, this.units.length, registry, random), this.engine, {
      cluster: clusterOf(this.replicas, {
        kill: (replica) => this.kill(replica),
        opened: () => this.gateway.somethingChanged(this.nowNs),
      }),
      isUnfinished: () => this.arrivals !== 'none' || requests.inFlight > 0,
      otherEvents: (controllers) => events.length - controllers + (this.arrivals === 'ready' ? 1 : 0),
    })
    const provider = registry.named(workload, scenario.workload.use, 'workload.use')
    this.workload = provider.build(parseOptions(provider.options, scenario.workload, 'workload'), {
      random,
      blockSizeTokens: Math.min(...this.pools.map((p) => p.limits.blockSizeTokens)),
    })
    this.pullArrival()
    if (this.arrivals !== 'ready') {
      throw new ServesimError(
        'SERVESIM_EMPTY_WORKLOAD',
        'workload',
        `The workload "${scenario.workload.use}" holds no request.`,
        'Ask for at least one request, or name another file.',
      )
    }
  }

  /** Requests in all, where the workload knows. */
  get requestCount(): number | undefined {
    return this.workload.requestCount
  }

  /** Runs a slice, synchronously. @returns whether the simulation is over */
  advance({ untilNs = Number.POSITIVE_INFINITY, maxEvents = Number.POSITIVE_INFINITY }: Advance = {}): boolean {
    const { events } = this
    for (let n = 0; n < maxEvents && !this.done; n++) {
      const eventNs = events.nextNs
      const arrivalNs = this.arrivals === 'ready' ? this.draft.arrivalNs : Number.POSITIVE_INFINITY
      const next = Math.min(eventNs, arrivalNs)
      if (next === Number.POSITIVE_INFINITY) {
        // No replica will come up again for those that have none.
        const homeless = this.gateway.takeHomeless()
        for (const row of homeless) this.lose(row)
        if (homeless.length > 0) continue
        this.end()
        break
      }
      if (next > untilNs) return false
      this.nowNs = next
      this.engine.nowNs = next
      if (arrivalNs < eventNs || (arrivalNs === eventNs && events.nextPhase > Phase.arrive)) this.arrive()
      else this.dispatch(events.pop(), next)
    }
    return this.done
  }

  private dispatch(handle: number, nowNs: number): void {
    if (handle < this.doorHandle) {
      if ((handle & 1) === 0) this.units[handle >> 1]!.complete(nowNs)
      else this.units[handle >> 1]!.form(nowNs)
    } else if (handle === this.doorHandle) this.gateway.look(nowNs)
    else {
      const row = this.engine.clientOf(handle)
      if (row < 0) this.engine.dispatch(handle, nowNs)
      else if (this.clients.isGone(row, nowNs)) this.abort(row)
    }
  }

  /** Runs to the end. */
  run(): SimulationResult {
    this.advance()
    return this.result()
  }

  /** Figures of everything that has finished so far. */
  result(): SimulationResult {
    return summarise(this)
  }

  get now(): number {
    return this.nowNs
  }

  snapshot(): Snapshot {
    const { results } = this
    return {
      nowNs: this.nowNs,
      arrived: results.arrived,
      finished: results.finished,
      refused: results.refusedCount,
      aborted: results.unservedCounts.aborted,
      lost: results.unservedCounts.lost,
      atDoor: this.gateway.waitingCount,
      inFlight: this.requests.inFlight,
      away: this.journeys.active ? this.requests.countAway() - this.gateway.waitingRequests : 0,
      subrequests: this.journeys.count,
      steps: this.units.reduce((sum, u) => sum + u.steps, 0),
      replicas: this.units.map((u) => ({
        waiting: u.waitingCount,
        running: u.running.length,
        usedBlocks: u.usedBlocksAt(this.nowNs),
        totalBlocks: u.kv.total,
      })),
    }
  }

  private pullArrival(): void {
    const { draft } = this
    draft.outputLimitTokens = 0
    draft.priority = 0
    draft.tenant = 0
    draft.cancelNs = Number.POSITIVE_INFINITY
    const state = this.workload.next(draft)
    this.arrivals = state === 1 ? 'ready' : state === 2 ? 'pending' : 'none'
    if (state !== 1) return
    const { arrivalNs, promptTokens, outputTokens, cancelNs } = draft
    if (Number.isInteger(arrivalNs) && arrivalNs >= this.nowNs && promptTokens >= 1 && outputTokens >= 1 && cancelNs >= arrivalNs) return
    throw new ServesimError(
      'SERVESIM_BROKEN_INVARIANT',
      'workload',
      `Request ${this.results.arrived} of "${this.scenario.workload.use}" arrives at ${arrivalNs} ns with ${promptTokens} prompt and ${outputTokens} output tokens` +
        `${cancelNs === Number.POSITIVE_INFINITY ? '' : `, and its client goes away at ${cancelNs} ns`}; ` +
        `expected an integer arrival not before ${this.nowNs} ns, at least one token of each, and no client that goes before it comes.`,
    )
  }

  /** The next request arrives at the door (phase 1). */
  private arrive(): void {
    const { draft, requests, results } = this
    const request = requests.allocate()
    requests.arrivalIndex[request] = results.arrived++
    requests.arrivalNs[request] = draft.arrivalNs
    requests.promptTokens[request] = draft.promptTokens
    requests.stopTokens[request] = draft.outputTokens
    requests.maxOutputTokens[request] = Math.max(draft.outputTokens, draft.outputLimitTokens)
    requests.priority[request] = draft.priority
    requests.tenant[request] = draft.tenant
    requests.cancelNs[request] = draft.cancelNs
    this.texts.keep(request, draft.prefixIds, draft.prefixIdCount)
    if (draft.arrivalNs < results.firstArrivalNs) results.firstArrivalNs = draft.arrivalNs
    this.clients.watch(request)
    this.gateway.arrive(request, this.nowNs)
    this.pullArrival()
  }

  private refuse(row: number, reason: string): void {
    const { requests } = this
    if (this.journeys.isSubrequest(row)) {
      this.journeys.failed(row, reason, this.nowNs)
      return
    }
    const arrivalIndex = requests.arrivalIndex[row]!
    const [promptTokens, outputTokens] = [requests.promptTokens[row]!, requests.stopTokens[row]!]
    this.results.refuse({ arrivalIndex, promptTokens, outputTokens, reason })
    this.ended(row)
  }

  private finish(row: number, nowNs: number): void {
    if (this.journeys.isSubrequest(row)) {
      this.journeys.done(row, nowNs)
      return
    }
    this.losing.delete(row)
    this.results.add(this.requests, row)
    this.ended(row)
  }

  /** A row has left its replica since nobody waits for it any more. */
  private left(row: number, nowNs: number): void {
    if (this.journeys.isSubrequest(row)) this.journeys.withdrawn(row)
    else this.abandon(row, this.losing.delete(row) ? 'lost' : 'aborted', nowNs)
  }

  private abandon(request: number, kind: UnservedKind, nowNs: number): void {
    this.results.abandon(this.requests, request, kind, nowNs)
    this.ended(request)
  }

  /** Nothing of the request is left anywhere. */
  private ended(request: number): void {
    const arrivalIndex = this.requests.arrivalIndex[request]!
    this.journeys.ended(request)
    this.clients.forget(request)
    this.requests.release(request)
    this.gateway.somethingChanged(this.nowNs)
    if (this.workload.onEnd === undefined) return
    this.workload.onEnd(arrivalIndex, this.nowNs)
    if (this.arrivals === 'pending') this.pullArrival()
  }

  /** The client of a request has gone. */
  private abort(request: number): void {
    if (this.withdraw(request)) this.abandon(request, 'aborted', this.nowNs)
  }

  /** Nobody waits for the row any more. @returns whether it has left at once; else its replica drops it at the next drain */
  private withdraw(row: number): boolean {
    const unit = this.units[this.requests.replica[row]!]
    if (unit === undefined) {
      this.gateway.withdraw(row)
      return true
    }
    unit.abort(row, this.nowNs)
    return false
  }

  /** A replica dies. What was there goes on elsewhere from the tokens it has got, or is lost, and with it those whose clients have gone. */
  private kill(replica: number): void {
    const { dead, rows } = this.replicas.kill(replica, this.nowNs)
    for (const unit of dead) this.engine.replicaDied(unit.index)
    for (const row of rows) this.requests.startOver(row)
    const { cancelNs } = this.requests
    for (const row of rows) {
      const isSubrequest = this.journeys.isSubrequest(row)
      if (this.journeys.isForNobody(row)) this.journeys.withdrawn(row)
      else if (!isSubrequest && cancelNs[row]! <= this.nowNs) this.abandon(row, 'aborted', this.nowNs)
      else if (this.scenario.lostRequests === 'fail') this.lose(row)
      else if (isSubrequest) this.journeys.failed(row, undefined, this.nowNs)
      else {
        this.journeys.ended(row)
        this.journeys.begin(row, this.nowNs)
      }
    }
  }

  /** The request is lost for which the row stands; it may wait on another replica, which drops it at its next drain. */
  private lose(row: number): void {
    const request = this.journeys.requestOf(row)
    this.losing.add(request)
    if (this.withdraw(request)) this.left(request, this.nowNs)
    // What was computed for it is for nobody.
    else this.journeys.ended(request)
  }

  /** Nothing more will happen: all requests must be done. */
  private end(): void {
    this.done = true
    const stuck = this.units.find((u) => !u.idle)
    const { waitingCount } = this.gateway
    if (stuck === undefined && waitingCount === 0 && this.arrivals === 'none') return
    const [where, what] =
      stuck !== undefined
        ? [
            `replica ${stuck.index}`,
            `${stuck.waitingCount} requests wait and ${stuck.running.length} run at ${this.nowNs} ns with ${stuck.kv.free} of ${stuck.kv.total} KV blocks free, and no event is left.`,
          ]
        : waitingCount > 0
          ? ['admission', `${waitingCount} requests wait at the door at ${this.nowNs} ns, and nothing will happen that could let them in.`]
          : ['workload', 'The workload waits for a completion that cannot come.']
    throw new ServesimError('SERVESIM_STALLED', where, what, 'This is a defect of a policy or a technique: report the scenario.')
  }
}
