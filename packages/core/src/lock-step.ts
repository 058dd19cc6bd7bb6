import { type EventQueue, Phase } from './event-queue.js'
import { Pipeline } from './pipeline.js'
import type { Step, StepPeers } from './step.js'

/** What a group asks of a replica. */
export interface Rank {
  /** Whether requests wait or run here. */
  readonly unfinished: boolean
  /** The group stands still. */
  stopped?(): void
  /** Drains the input and forms the next step, which may hold nothing. @returns whether it holds something */
  fillNext(nowNs: number): boolean
  /** The step formed last enters the ring; one that holds nothing becomes a dummy. */
  acceptNext(nowNs: number): void
  /** The step that runs, and the one that starts next. */
  readonly executing: Step
  readonly entering: Step
  /** Prices the step that starts: what it takes on each stage is in it then. @returns the earliest instant at which its launch is done */
  price(readyNs: number): number
  /** The step that starts does so at `startNs` and ends at `endNs`; the device could have taken it at `readyNs`. */
  begin(startNs: number, endNs: number, readyNs: number): void
  completeHead(nowNs: number): void
}

/**
 * Replicas that step together: an MoE layer exchanges the tokens of all of them, so each step starts for all at once and lasts as long as
 * the slowest takes. One without work runs a dummy step of one token. They stop together, when none has had work for the rest of a wave.
 * Source: vLLM's `DPEngineCoreProc` and `dp_utils.py`; padding across ranks is the graph link's business (`StepView.peers`).
 */
export class LockStepGroup {
  private readonly peers: StepPeers
  private formedCount = 0
  /** Steps taken: whole waves whenever the group stands still. And how many of the last of them were dummies of all ranks. */
  private steps = 0
  private dummySteps = 0
  private hostFreeNs = 0
  private readonly pipeline: Pipeline
  /** What the slowest rank takes on each stage. */
  private readonly stageNs: Float64Array
  private readonly handoverNs: Float64Array

  /**
   * @param depth steps formed and not completed on one stage; each further one allows one more
   * @param handles of the group's completion and of its next form
   */
  constructor(
    private readonly ranks: readonly Rank[],
    private readonly depth: number,
    stages: number,
    private readonly waveSteps: number,
    private readonly events: EventQueue,
    private readonly handles: { complete: number; form: number },
  ) {
    this.pipeline = new Pipeline(stages)
    this.stageNs = new Float64Array(stages)
    this.handoverNs = new Float64Array(stages - 1)
    this.peers = { count: ranks.length, tokens: new Int32Array(ranks.length), sequences: new Int32Array(ranks.length), anyMixed: false }
  }

  get idle(): boolean {
    return this.formedCount === 0
  }

  /** All ranks have died: what was under way is lost. */
  die(): void {
    this.events.remove(this.handles.complete)
    this.events.remove(this.handles.form)
    this.formedCount = 0
    this.steps = 0
    this.dummySteps = 0
    this.hostFreeNs = 0
    this.pipeline.clear()
  }

  requestForm(nowNs: number): void {
    this.events.set(this.handles.form, Math.max(nowNs, this.hostFreeNs), Phase.form)
  }

  form(nowNs: number): void {
    let busy = false
    for (const rank of this.ranks) busy = rank.fillNext(nowNs) || busy
    // With nothing to run behind a step that runs, or at the end of a wave, all stand still; within a wave they go on with dummies.
    if (!busy && (this.formedCount > 0 || this.waveEnds())) {
      if (this.formedCount === 0) for (const rank of this.ranks) rank.stopped?.()
      return
    }
    this.dummySteps = busy ? 0 : this.dummySteps + 1
    for (const rank of this.ranks) rank.acceptNext(nowNs)
    this.formedCount++
    const { stages } = this.pipeline
    if (stages > 1 || this.formedCount === 1) this.start(nowNs)
    if (this.formedCount < this.depth + stages - 1) this.requestForm(nowNs)
  }

  /**
   * Whether the step count is where the ranks find out that none has requests. One that waits and cannot be scheduled now, such as for a
   * transfer, keeps all of them going, but not where a wave of dummies has passed and no event is left that could release it.
   */
  private waveEnds(): boolean {
    if (this.steps % this.waveSteps !== 0) return false
    const stuck = this.dummySteps >= this.waveSteps && this.events.nextNs === Number.POSITIVE_INFINITY
    if (!stuck && this.ranks.some((rank) => rank.unfinished)) return false
    this.dummySteps = 0
    return true
  }

  complete(nowNs: number): void {
    for (const rank of this.ranks) rank.completeHead(nowNs)
    this.formedCount--
    this.steps++
    if (this.formedCount > 0) {
      if (this.pipeline.stages === 1) this.start(nowNs)
      else this.completeHead()
    }
    this.requestForm(nowNs)
  }

  private completeHead(): void {
    this.events.set(this.handles.complete, this.ranks[0]!.executing.endNs, Phase.complete)
  }

  /** When the first stage, and the tokens that the next step begins with, are there for it. */
  private readyNs(nowNs: number): number {
    const { ranks, pipeline } = this
    if (pipeline.stages === 1) return nowNs
    const waits = this.formedCount > pipeline.stages && ranks.some((rank) => rank.entering.needsTokens)
    return Math.max(nowNs, pipeline.readyNs, waits ? ranks[0]!.executing.endNs : 0)
  }

  /** All ranks start; each is priced knowing the others' tokens. The slowest decides on every stage. */
  private start(nowNs: number): void {
    const { ranks, peers, pipeline, stageNs, handoverNs } = this
    const readyNs = this.readyNs(nowNs)
    peers.anyMixed = false
    for (let i = 0; i < ranks.length; i++) {
      const { entering } = ranks[i]!
      peers.tokens[i] = entering.tokens
      peers.sequences[i] = entering.sequences
      peers.anyMixed ||= entering.mixed
    }
    let launchedNs = 0
    stageNs.fill(0)
    handoverNs.fill(0)
    for (const rank of ranks) {
      const { entering } = rank
      entering.peers = peers
      entering.unpadded()
      launchedNs = Math.max(launchedNs, rank.price(readyNs))
      raise(stageNs, entering.stageNs)
      raise(handoverNs, entering.ahead.handoverNs)
    }
    const startNs = Math.max(readyNs, launchedNs)
    this.hostFreeNs = Math.max(this.hostFreeNs, pipeline.stages === 1 ? startNs : launchedNs)
    const endNs = pipeline.pass(startNs, stageNs, handoverNs)
    for (const rank of ranks) rank.begin(startNs, endNs, readyNs)
    this.completeHead()
  }
}

/** Entry by entry the larger of the two. */
function raise(most: Float64Array, values: Float64Array): void {
  for (let i = 0; i < most.length; i++) most[i] = Math.max(most[i]!, values[i]!)
}
