import {
  createSimulation,
  type Plugin,
  type PluginHost,
  type Point,
  type RequestTable,
  type Scheduler,
  type SchedulerProvider,
  type Simulation,
  type SimulationInput,
  type StepPlan,
  scheduler,
} from '@servesim/core'

/** What one call of `Scheduler.form` decided; requests are named by their position in the order of arrival. */
export interface RecordedForm {
  timeNs: number
  /** Members of the step in order, each with its tokens. */
  scheduled: [request: number, tokens: number][]
  preempted: number[]
  /** Requests whose KV is brought from behind the device from then on, each with its tokens; absent: none. */
  loads?: [request: number, tokens: number][]
}

/** Runs a scenario of one replica, step by step, and tells what its scheduler decided each time it was asked. */
export function recordSchedule(input: SimulationInput): { simulation: Simulation; forms: RecordedForm[] } {
  const forms: RecordedForm[] = []
  const simulation = createSimulation({ ...input, plugins: input.plugins.map((plugin) => recording(plugin, forms)) }, { stretches: false })
  for (let known = 0, done = false; !done; ) {
    done = simulation.advance({ maxEvents: 1 })
    for (; known < forms.length; known++) forms[known]!.timeNs = simulation.now
  }
  return { simulation, forms }
}

/** The plugin with its schedulers wrapped. */
function recording(plugin: Plugin, forms: RecordedForm[]): Plugin {
  return {
    name: plugin.name,
    plugins: (plugin.plugins ?? []).map((inner) => recording(inner, forms)),
    setup: (host) => {
      const provide = (point: Point<unknown>, provided: unknown): void =>
        host.provide(point, point.id === scheduler.id ? recordingProvider(provided as SchedulerProvider, forms) : provided)
      plugin.setup({ provide } as PluginHost)
    },
  }
}

function recordingProvider(provider: SchedulerProvider, forms: RecordedForm[]): SchedulerProvider {
  return { ...provider, build: (options, context) => recordingScheduler(provider.build(options, context), context.requests, forms) }
}

function recordingScheduler(inner: Scheduler, requests: RequestTable, forms: RecordedForm[]): Scheduler {
  return {
    reads: inner.reads,
    get waitingCount() {
      return inner.waitingCount
    },
    enqueue: (request) => inner.enqueue(request),
    withdraw: (request) => inner.withdraw(request),
    steady: () => inner.steady(),
    staysSteadyWith: (request) => inner.staysSteadyWith(request),
    settle: (forms) => inner.settle?.(forms),
    form(plan) {
      const form: RecordedForm = { timeNs: 0, scheduled: [], preempted: [] }
      inner.form(recordingPlan(plan, requests.arrivalIndex, form))
      forms.push(form)
    },
  }
}

function recordingPlan(plan: StepPlan, arrivalIndex: Float64Array, form: RecordedForm): StepPlan {
  const added = (done: boolean, request: number, tokens: number): boolean => {
    if (done) form.scheduled.push([arrivalIndex[request]!, tokens])
    return done
  }
  return {
    running: plan.running,
    totalBlocks: plan.totalBlocks,
    get freeBlocks() {
      return plan.freeBlocks
    },
    awaitsToken: (request) => plan.awaitsToken(request),
    mayLoad: plan.mayLoad,
    isHeld: (request) => plan.isHeld(request),
    match: (request) => plan.match(request),
    matchMayGrow: (request) => plan.matchMayGrow(request),
    samePrefix: (a, b, tokens) => plan.samePrefix(a, b, tokens),
    loadable: (request, hit) => plan.loadable(request, hit),
    load(request, hit, tokens, whole) {
      const done = plan.load(request, hit, tokens, whole)
      if (done) form.loads = [...(form.loads ?? []), [arrivalIndex[request]!, tokens]]
      return done
    },
    schedule: (request, tokens, ahead) => added(plan.schedule(request, tokens, ahead), request, tokens),
    admit: (request, tokens, hit, whole, ahead) => added(plan.admit(request, tokens, hit, whole, ahead), request, tokens),
    unschedule(request) {
      form.scheduled = form.scheduled.filter(([other]) => other !== arrivalIndex[request])
      return plan.unschedule(request)
    },
    preempt(request) {
      form.preempted.push(arrivalIndex[request]!)
      plan.preempt(request)
    },
  }
}
