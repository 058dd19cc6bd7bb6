import { buildTiers } from './build-tiers.js'
import { Phase } from './event-queue.js'
import type { KvBlocks } from './kv-blocks.js'
import type { KvTiers } from './kv-tiers.js'
import { KvUse } from './kv-use.js'
import { LinkLoad } from './link-load.js'
import type { LockStepGroup, Rank } from './lock-step.js'
import { Pipeline, setStageTimes } from './pipeline.js'
import { type PipelineHost, PipelineStretch } from './pipeline-stretch.js'
import type { PrefixText } from './points/kv-index.js'
import type { Network } from './points/network.js'
import type { Scheduler } from './points/scheduler.js'
import { RequestStatus } from './request-table.js'
import { RequestList } from './running-list.js'
import { Step } from './step.js'
import { bookForm, markTokens, refusePrice, yieldTokens } from './step-books.js'
import { FormingPlan } from './step-plan.js'
import { StepRing } from './step-ring.js'
import { plainReasons, Stretch } from './stretch.js'
import type { TierBuilder, UnitContext } from './unit-context.js'

/** The engine's loop sleeps this long when a turn ran nothing while requests exist (vLLM, `_process_engine_step` of v1/engine/core.py). */
const sleepNs = 1_000_000

/**
 * One replica: forms steps, prices each when it starts, completes it later. A ring holds the formed steps; its head executes, those
 * behind it wait for the device. With asynchronous scheduling (depth 2) step k + 1 is formed at the instant step k starts, so that an
 * arrival waits one step more and a freed slot or block is seen one step later, as in vLLM. With pipeline stages as many more steps are in
 * flight, each in a stage of its own, and a step is priced when it is formed: how long its launch keeps the host decides when the next is.
 */
export class StepUnit implements PipelineHost, Rank {
  readonly running = new RequestList()
  /** Steps completed, and those of them that a stretch took. */
  steps = 0
  fastSteps = 0
  /** Forms that no stretch followed, by `plainReasons`. */
  readonly plainForms = new Float64Array(plainReasons.length)
  finished = 0
  /** False once the replica has died. */
  alive = true
  /** No request is sent here any more; those that are here go on. */
  draining = false
  /** Requests routed here that the engine has not drained yet, and those whose clients went away since. */
  private readonly inbox = new RequestList()
  private readonly aborts = new RequestList()
  readonly ring: StepRing
  private plan: FormingPlan
  /** Set where this replica steps together with others. */
  group: LockStepGroup | undefined
  /** The engine's loop is busy launching until then. */
  hostFreeNs = 0
  readonly pipeline: Pipeline
  private readonly linkLoad: LinkLoad | undefined
  /** When a turn of the loop ran nothing though requests waited; −1: there was none since a step. */
  private emptyTurnNs = -1
  /** A form is under way, and something that it may have looked at already has changed. */
  private forming = false
  private lookAgain = false
  /** Memories behind the device; undefined where there are none. */
  tiers: KvTiers | undefined
  stretch: Stretch | PipelineStretch
  readonly kvUse = new KvUse()

  constructor(
    readonly index: number,
    public kv: KvBlocks,
    public scheduler: Scheduler,
    readonly shared: UnitContext,
    tiersOf?: TierBuilder,
  ) {
    this.tiers = tiersOf && buildTiers(tiersOf, this)
    const stages = shared.stageShares.length
    const maxDrafts = shared.speculation?.decode.maxDrafts ?? 0
    this.pipeline = new Pipeline(stages)
    const steps = Array.from({ length: shared.depth + stages - 1 }, () => new Step(Math.min(shared.maxSequences, 64), stages, maxDrafts))
    this.ring = new StepRing(steps)
    const { collectives } = shared
    if (collectives !== undefined) {
      this.linkLoad = new LinkLoad(collectives.linkNs, (share) => collectives.load(index, share))
      for (const step of steps) step.links = this.linkLoad
    }
    this.plan = new FormingPlan(index, kv, shared, this.running, this.ring.next, this.tiers)
    this.stretch = this.newStretch()
  }

  /** Handles of this unit's two events: its next completion, and the next time it forms. */
  get completeHandle(): number {
    return 2 * this.index
  }

  get formHandle(): number {
    return 2 * this.index + 1
  }

  get takesRequests(): boolean {
    return this.alive && !this.draining
  }

  get waitingCount(): number {
    return this.scheduler.waitingCount + this.inbox.length
  }

  /** Used KV blocks at `nowNs`, also in the middle of a stretch. */
  usedBlocksAt(nowNs: number): number {
    return this.kv.used + this.stretch.pendingBlocks(nowNs)
  }

  /** The KV index and the tiers learn a request's text. */
  identify(request: number, text: PrefixText): void {
    this.tiers?.identify(request, text)
    this.shared.requests.identified[request] = this.kv.index?.identify(request, text) === true ? 1 : 0
  }

  /** Raised when the replica dies: what was set going for it before is dropped. */
  epoch = 0

  get network(): Network | undefined {
    return this.shared.network
  }

  /** A held request was released: an idle unit looks at it now, a busy one at its next form. */
  wake(nowNs: number): void {
    if (this.forming) {
      this.lookAgain = true
      return
    }
    if (this.stretch.active) this.stretch.interrupt(nowNs)
    if (this.ring.count === 0) this.requestTurn(nowNs)
  }

  /** The idle loop's next turn: at once, or when it wakes from the pause behind a turn that ran nothing. */
  private requestTurn(nowNs: number): void {
    const { emptyTurnNs: pauseNs = sleepNs } = this.shared
    if (this.emptyTurnNs < 0 || pauseNs === 0 || this.group !== undefined) this.requestForm(nowNs)
    else this.requestForm(this.emptyTurnNs + pauseNs * Math.max(1, Math.ceil((nowNs - this.emptyTurnNs) / pauseNs)))
  }

  /** So many flows share the links of its collectives: steps that start from now on are priced with them. */
  crowded(flows: number, nowNs: number): void {
    if (this.linkLoad === undefined) return
    if (this.stretch.active) this.stretch.interrupt(nowNs)
    this.linkLoad.flows = flows
  }

  stopped(): void {
    this.linkLoad?.stopped()
  }

  get unfinished(): boolean {
    return this.waitingCount > 0 || this.running.length > 0
  }

  get idle(): boolean {
    return (this.group?.idle ?? this.ring.count === 0) && !this.unfinished
  }

  /** A request is routed here (phase 1). */
  arrive(request: number, nowNs: number): void {
    const { requests } = this.shared
    requests.replica[request] = this.index
    requests.status[request] = RequestStatus.queued
    if (this.stretch.active) {
      if (this.scheduler.staysSteadyWith(request)) {
        // Nothing changes for the running batch: the engine drains its input at the end of the step that runs now. When it does so behind
        // the stretch is the host's affair.
        const drainNs = this.stretch.nextDrainNs(nowNs)
        if (drainNs < this.stretch.endNs) this.drain(request, drainNs)
        else this.inbox.push(request)
        return
      }
      this.stretch.interrupt(nowNs)
    }
    this.inbox.push(request)
    if (this.ring.count === 0) this.requestTurn(nowNs)
  }

  /** A request's client has gone: the engine hears of it when it drains its input. */
  abort(request: number, nowNs: number): void {
    if (this.aborts.includes(request)) return
    this.aborts.push(request)
    this.wake(nowNs)
  }

  /**
   * The replica dies: nothing that was under way comes to an end, and what it held is gone; whose it was is the caller's affair.
   * @param kv memory, @param scheduler the queue and @param tiersOf the memories behind that it will come up with again, empty
   */
  die(kv: KvBlocks, scheduler: Scheduler, nowNs: number, tiersOf?: TierBuilder): void {
    if (this.stretch.active) this.stretch.interrupt(nowNs)
    this.shared.events.remove(this.completeHandle)
    this.shared.events.remove(this.formHandle)
    this.alive = false
    this.ring.refill([])
    this.hostFreeNs = 0
    this.pipeline.clear()
    this.running.clear()
    this.inbox.clear()
    this.aborts.clear()
    this.tiers?.die()
    this.emptyTurnNs = -1
    this.kv = kv
    this.scheduler = scheduler
    this.tiers = tiersOf && buildTiers(tiersOf, this)
    this.plan = new FormingPlan(this.index, kv, this.shared, this.running, this.ring.next, this.tiers)
    this.stretch = this.newStretch()
    this.kvUse.set(0, nowNs)
    this.stopped()
  }

  private newStretch(): Stretch | PipelineStretch {
    return this.pipeline.stages === 1 ? new Stretch(this) : new PipelineStretch(this)
  }

  /** The step at the ring's head, or a whole stretch, is over (phase 0). */
  complete(nowNs: number): void {
    if (this.group !== undefined) {
      this.group.complete(nowNs)
      return
    }
    if (this.stretch.active) this.stretch.finish()
    else this.completeHead(nowNs)
    if (this.ring.count > 0) {
      if (this.pipeline.stages === 1) this.start(nowNs)
      else this.completeAt(this.executing.endNs)
    }
    this.requestForm(nowNs)
  }

  /** Asks for a form at `nowNs`, or when the host is free again. */
  requestForm(nowNs: number): void {
    if (this.group !== undefined) {
      this.group.requestForm(nowNs)
      return
    }
    this.shared.events.set(this.formHandle, Math.max(nowNs, this.hostFreeNs), Phase.form)
  }

  /** Forms the next step (phase 3). */
  form(nowNs: number): void {
    if (this.group !== undefined) {
      this.group.form(nowNs)
      return
    }
    const { preemptions } = this.plan
    if (!this.fillNext(nowNs)) {
      if (this.plan.preemptions > preemptions || this.lookAgain) this.tryAgain(nowNs)
      // Not all stages are taken: those in flight may be all there is.
      else if (this.pipeline.stages > 1 && this.ring.count > 0) this.tryStretch(nowNs)
      else if (this.ring.count === 0 && this.unfinished) this.emptyTurnNs = nowNs
      if (this.ring.count === 0) this.stopped()
      return
    }
    this.emptyTurnNs = -1
    this.acceptNext(nowNs)
    const isPipeline = this.pipeline.stages > 1
    if (isPipeline || this.ring.count === 1) this.start(nowNs)
    // A stretch begins where the plain path has just formed what the coming steps will repeat.
    if ((this.ring.isFull || !isPipeline) && this.tryStretch(nowNs)) return
    if (!this.ring.isFull) this.requestForm(nowNs)
  }

  /** @returns whether a stretch begins */
  private tryStretch(nowNs: number): boolean {
    if (!this.shared.stretches || this.lookAgain) return false
    const reason = this.scheduler.steady() ? this.stretch.begin(nowNs) : 'scheduler'
    if (reason === undefined) return true
    this.plainForms[plainReasons.indexOf(reason)]!++
    return false
  }

  /** Drains the input and lets the scheduler fill the ring's next slot. @returns whether there is something to run */
  fillNext(nowNs: number): boolean {
    this.forming = true
    this.lookAgain = false
    for (let i = 0; i < this.inbox.length; i++) this.drain(this.inbox.at(i), nowNs)
    this.inbox.clear()
    if (this.aborts.length > 0) this.drainAborts(nowNs)
    this.tiers?.seeLanded()
    const step = this.ring.next
    step.clear()
    this.plan.begin(step, nowNs)
    const { stages } = this.pipeline
    // Of a full pipeline's steps only the oldest has its tokens out when the next one starts.
    if (stages > 1) this.plan.track(this.steps, this.steps + Math.max(0, this.ring.count - stages + 1))
    const waiting = this.scheduler.waitingCount
    this.scheduler.form(this.plan)
    this.forming = false
    if (this.scheduler.waitingCount < waiting) this.shared.sink.admitted(nowNs)
    this.kvUse.set(this.kv.used, nowNs)
    return step.count > 0
  }

  /** What was filled last becomes a formed step. */
  acceptNext(nowNs: number): void {
    this.ring.push()
    if (this.ring.newest.count === 0) this.ring.newest.becomeDummy()
    bookForm(this.ring.newest, nowNs, this.shared)
    if (this.pipeline.stages > 1) markTokens(this.ring.newest, this.shared.requests, this.steps, this.steps + this.ring.count - 1)
  }

  /** Under a priority policy the request that lacked blocks may have been its own victim, with nothing left in the step. */
  private tryAgain(nowNs: number): void {
    if (this.ring.count > 0) return
    this.hostFreeNs = nowNs + sleepNs
    this.requestForm(nowNs)
  }

  private drain(request: number, queuedNs: number): void {
    const { requests } = this.shared
    // One that comes from a replica that died has been queued before.
    if (requests.queuedNs[request]! < 0) requests.queuedNs[request] = queuedNs
    requests.status[request] = RequestStatus.waiting
    this.scheduler.enqueue(request)
  }

  private drainAborts(nowNs: number): void {
    while (this.aborts.length > 0) {
      const request = this.aborts.shift()
      this.scheduler.withdraw(request)
      this.dropInFlight(request)
      this.leave(request)
      this.shared.sink.aborted(request, nowNs)
    }
  }

  /** The next step starts: it is priced now. It waits for the device, and for the host that launches it. */
  private start(nowNs: number): void {
    const step = this.entering
    const readyNs = this.readyNs(nowNs)
    const startNs = Math.max(readyNs, this.price(readyNs))
    this.begin(startNs, this.pipeline.pass(startNs, step.stageNs, step.ahead.handoverNs), readyNs)
    this.completeAt(this.executing.endNs)
  }

  /** The step that starts next: the head, or with pipeline stages the one formed last. */
  get entering(): Step {
    return this.pipeline.stages === 1 ? this.executing : this.ring.newest
  }

  /** When the first stage, and the tokens that the next step begins with, are there for it. */
  private readyNs(nowNs: number): number {
    const { pipeline } = this
    if (pipeline.stages === 1) return nowNs
    const waits = this.ring.newest.needsTokens && this.ring.count > pipeline.stages
    return Math.max(nowNs, pipeline.readyNs, waits ? this.executing.endNs : 0)
  }

  price(readyNs: number): number {
    const step = this.entering
    const { cost, usage, stageShares, speculation } = this.shared
    speculation?.started(step)
    cost.price(step, readyNs, step)
    usage.count(step, step.attentionNs)
    const stagesNs = setStageTimes(step, stageShares)
    const launchedNs = step.formedNs + Math.round(step.hostNs)
    if (!Number.isFinite(launchedNs + stagesNs)) refusePrice(step, readyNs, this.index)
    if (launchedNs > this.hostFreeNs) this.hostFreeNs = launchedNs
    return launchedNs
  }

  begin(startNs: number, endNs: number, readyNs: number): void {
    const step = this.entering
    step.startNs = startNs
    step.endNs = endNs
    this.shared.usage.wait(startNs - readyNs)
    this.linkLoad?.started(step)
    if (step.computes.length > 0) this.tiers!.starts(step, startNs, endNs)
  }

  /** Tokens come out, finished requests leave. */
  completeHead(nowNs: number): void {
    const step = this.executing
    if (step.fills.length > 0) this.tiers!.filled(step)
    yieldTokens(step, nowNs, this.shared, this)
    this.ring.shift()
    this.steps++
  }

  /** Its last token is out. */
  finish(request: number, nowNs: number): void {
    // A preempted request whose last token was in flight is no longer running; its scheduler drops it when it comes up.
    if (this.shared.requests.status[request] !== RequestStatus.running) this.scheduler.withdraw(request)
    if (this.aborts.length > 0) this.aborts.remove(request)
    // Tokens in flight: only its end of sequence, seen now, says that they are for nothing.
    if (this.shared.requests.placeholderTokens[request]! > 0) this.dropInFlight(request)
    this.leave(request)
    this.finished++
    this.shared.sink.finish(request, nowNs)
  }

  /** Steps under way go on with the request's tokens; what they yield for it is dropped. */
  private dropInFlight(request: number): void {
    this.ring.dropMember(request)
  }

  /** The request gives up what it has here. */
  private leave(request: number): void {
    const { requests } = this.shared
    if (requests.status[request] === RequestStatus.running) this.running.remove(request)
    if (this.tiers !== undefined) {
      this.tiers.cancel(request)
      this.tiers.released(request, true)
    }
    this.kv.release(request)
    this.kv.index?.forget(request)
  }

  // What a stretch needs.

  get executing(): Step {
    return this.ring.executing
  }

  /** These steps are in flight when a stretch over pipeline stages ends. */
  refill(formed: readonly Step[]): void {
    this.ring.refill(formed)
    if (formed.length > 0) this.completeAt(this.executing.endNs)
    else this.shared.events.remove(this.completeHandle)
  }

  /** The head is completed without looking at its members: a stretch has done that. */
  dropHead(): void {
    this.shared.events.remove(this.completeHandle)
    this.ring.shift()
  }

  settled(forms: number): void {
    this.scheduler.settle?.(forms)
  }

  completeAt(timeNs: number): void {
    this.shared.events.set(this.completeHandle, timeNs, Phase.complete)
  }
}
