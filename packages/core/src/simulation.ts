import { bindFabric, planFabric } from './build-fabric.js'
import { type BuiltPool, buildPool } from './build-pool.js'
import { LiveClusterView } from './cluster-view.js'
import { type Choice, parseOptions, parseScenario, type Scenario, type ScenarioInput } from './config.js'
import { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import { EventQueue, Phase } from './event-queue.js'
import { KvBlocks } from './kv-blocks.js'
import { LockStepGroup } from './lock-step.js'
import { type Plugin, Registry } from './plugin.js'
import type { PrefixText } from './points/kv-index.js'
import { type Router, router } from './points/router.js'
import { type RequestDraft, type Workload, workload } from './points/workload.js'
import { createRandomSource } from './random.js'
import { RequestTable } from './request-table.js'
import { type RequestSink, Results } from './results.js'
import { Speculation } from './speculation.js'
import { StepUnit } from './step-unit.js'
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
  readonly units: StepUnit[] = []
  readonly results: Results
  readonly engine: Engine
  private readonly events = new EventQueue()
  private readonly requests = new RequestTable()
  /** Handles below are the units’ own. */
  private readonly unitHandles: number
  private readonly workload: Workload
  private readonly router: Router | undefined
  private readonly view: LiveClusterView
  private readonly poolOfUnit: BuiltPool[] = []
  private readonly draft: RequestDraft = {
    arrivalNs: 0,
    promptTokens: 0,
    outputTokens: 0,
    priority: 0,
    prefixIds: undefined,
    prefixIdCount: 0,
  }
  private readonly text: PrefixText = { ids: new Int32Array(0), count: 0, groupTokens: 0 }
  /** Whether `draft` holds the next arrival, more may come after a completion, or none will. */
  private arrivals: 'ready' | 'pending' | 'none' = 'none'
  private nowNs = 0
  private done = false

  constructor(
    readonly scenario: Scenario,
    registry: Registry,
    { stretches = true }: BuildOptions,
  ) {
    const random = createRandomSource(scenario.seed)
    this.results = new Results(scenario.results.keepRequests, scenario.latencyFrom)
    this.unitHandles = 2 * scenario.pools.reduce((sum, pool) => sum + pool.count, 0)
    this.engine = new Engine(this.events, this.requests, this.results, this.unitHandles)
    const links = planFabric(scenario.fabric, registry)
    const shared = { engine: this.engine, random, requests: this.requests, links }
    this.pools = scenario.pools.map((pool, i) => buildPool(pool, `pools[${i}]`, registry, shared))
    bindFabric(scenario, this.pools, links, registry, this.engine)
    for (const pool of this.pools) this.addUnits(pool, stretches)
    this.engine.units = this.units
    this.view = new LiveClusterView(this.units)
    this.router = buildRouter(scenario.router, this.units.length, registry, (purpose) => random.stream(purpose))
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

  private addUnits(pool: BuiltPool, stretches: boolean): void {
    const { requests, events } = this
    const sink: RequestSink = {
      token: (gapNs, weight) => this.results.itl.add(gapNs, weight),
      finish: (request, nowNs) => this.finish(request, nowNs),
    }
    const { blockSizeTokens, depth, maxNumSeqs, sharing = 'allocated', freesRejected = false } = pool.limits
    const ranks = pool.group?.ranks ?? 1
    const shared = {
      requests,
      events,
      sink,
      cost: pool.cost,
      usage: pool.base.usage,
      network: pool.network,
      depth,
      stageShares: pool.stageShares,
      maxSequences: maxNumSeqs,
      sharesEarly: sharing === 'allocated',
      stretches: stretches && pool.stepwise.length === 0,
      speculation: pool.decode === undefined ? undefined : new Speculation(pool.decode, requests, depth, freesRejected),
    }
    for (let i = 0; i < pool.count; i++) {
      const index = pool.kvIndex?.({
        path: pool.name,
        engineRelease: pool.limits.engineRelease,
        requests,
        totalBlocks: pool.memory.blocks,
        blockSizeTokens,
      })
      const kv = new KvBlocks(pool.memory.blocks, blockSizeTokens, requests, index)
      this.units.push(new StepUnit(this.units.length, kv, pool.newScheduler({ requests }), shared))
      this.poolOfUnit.push(pool)
    }
    for (let first = this.units.length - pool.count; ranks > 1 && first < this.units.length; first += ranks) {
      const members = this.units.slice(first, first + ranks)
      const handles = { complete: members[0]!.completeHandle, form: members[0]!.formHandle }
      const group = new LockStepGroup(members, depth, pool.stages.length, pool.group!.waveSteps, events, handles)
      for (const unit of members) unit.group = group
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
        this.end()
        break
      }
      if (next > untilNs) return false
      this.nowNs = next
      this.engine.nowNs = next
      if (arrivalNs < eventNs || (arrivalNs === eventNs && events.nextPhase > Phase.arrive)) this.arrive()
      else {
        const handle = events.pop()
        if (handle >= this.unitHandles) this.engine.dispatch(handle, next)
        else if ((handle & 1) === 0) this.units[handle >> 1]!.complete(next)
        else this.units[handle >> 1]!.form(next)
      }
    }
    return this.done
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
    return {
      nowNs: this.nowNs,
      arrived: this.results.arrived,
      finished: this.results.finished,
      refused: this.results.refusedCount,
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
    const state = this.workload.next(this.draft)
    this.arrivals = state === 1 ? 'ready' : state === 2 ? 'pending' : 'none'
    const { draft } = this
    if (
      state === 1 &&
      !(Number.isInteger(draft.arrivalNs) && draft.arrivalNs >= this.nowNs && draft.promptTokens >= 1 && draft.outputTokens >= 1)
    ) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        'workload',
        `Request ${this.results.arrived} of "${this.scenario.workload.use}" arrives at ${draft.arrivalNs} ns with ${draft.promptTokens} prompt and ${draft.outputTokens} output tokens; ` +
          `expected an integer arrival not before ${this.nowNs} ns and at least one token of each.`,
      )
    }
  }

  /** The next request arrives and is routed (phase 1). */
  private arrive(): void {
    const { draft, requests, results } = this
    const request = requests.allocate()
    const arrivalIndex = results.arrived++
    requests.arrivalIndex[request] = arrivalIndex
    requests.arrivalNs[request] = draft.arrivalNs
    requests.promptTokens[request] = draft.promptTokens
    requests.maxOutputTokens[request] = draft.outputTokens
    requests.priority[request] = draft.priority
    if (draft.arrivalNs < results.firstArrivalNs) results.firstArrivalNs = draft.arrivalNs
    const text = this.textOf(draft)
    this.view.nowNs = this.nowNs
    this.view.text = text
    this.view.tokens = draft.promptTokens
    const target = this.router === undefined ? 0 : this.router.route(request, this.view, this.nowNs)
    const unit = this.units[target]
    if (unit === undefined) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        'router',
        `The router chose replica ${target} of ${this.units.length} for request ${arrivalIndex} at ${this.nowNs} ns.`,
      )
    }
    const reason = this.refusal(request, target)
    if (reason === undefined) {
      if (text !== undefined) unit.identify(request, text)
      unit.arrive(request, this.nowNs)
    } else {
      results.refuse({ arrivalIndex, promptTokens: draft.promptTokens, outputTokens: draft.outputTokens, reason })
      requests.release(request)
      this.workload.onEnd?.(arrivalIndex, this.nowNs)
    }
    this.pullArrival()
  }

  private textOf({ prefixIds, prefixIdCount }: RequestDraft): PrefixText | undefined {
    if (prefixIds === undefined || prefixIdCount === 0) return undefined
    const { text } = this
    text.ids = prefixIds
    text.count = prefixIdCount
    text.groupTokens = this.workload.prefixGroupTokens
    return text
  }

  /** Why no schedule could ever serve this request there; the engine's front end refuses it likewise. Output beyond the longest sequence is cut. */
  private refusal(request: number, target: number): string | undefined {
    const pool = this.poolOfUnit[target]!
    const longest = pool.maxModelLenTokens
    const prompt = this.requests.promptTokens[request]!
    if (prompt >= longest)
      return `its ${prompt} prompt tokens leave no room for output in sequences of at most ${longest} tokens (${pool.name})`
    if (prompt + this.requests.maxOutputTokens[request]! > longest) this.requests.maxOutputTokens[request] = longest - prompt
    return undefined
  }

  private finish(request: number, nowNs: number): void {
    const arrivalIndex = this.requests.arrivalIndex[request]!
    this.results.add(this.requests, request)
    this.requests.release(request)
    if (this.workload.onEnd !== undefined) {
      this.workload.onEnd(arrivalIndex, nowNs)
      if (this.arrivals === 'pending') this.pullArrival()
    }
  }

  /** Nothing more will happen: all requests must be done. */
  private end(): void {
    this.done = true
    const stuck = this.units.find((u) => !u.idle)
    if (stuck === undefined && this.arrivals === 'none') return
    const where = stuck === undefined ? 'workload' : `replica ${stuck.index}`
    const what =
      stuck === undefined
        ? 'The workload waits for a completion that cannot come.'
        : `${stuck.waitingCount} requests wait and ${stuck.running.length} run at ${this.nowNs} ns with ${stuck.kv.free} of ${stuck.kv.total} KV blocks free, and no event is left.`
    throw new ServesimError('SERVESIM_STALLED', where, what, 'This is a defect of a scheduler or a technique: report the scenario.')
  }
}

function buildRouter(
  choice: Choice | undefined,
  replicaCount: number,
  registry: Registry,
  stream: (purpose: string) => ReturnType<ReturnType<typeof createRandomSource>['stream']>,
): Router | undefined {
  if (choice === undefined) {
    if (replicaCount === 1) return undefined
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      'router',
      `${replicaCount} replicas share the arrivals, and the scenario names no router.`,
      'Add a router, such as { use: … } with one that `servesim plugins` lists.',
    )
  }
  const provider = registry.named(router, choice.use, 'router.use')
  return provider.build(parseOptions(provider.options, choice, 'router'), { replicaCount, random: stream('router') })
}
