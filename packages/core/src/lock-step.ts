import { type EventQueue, Phase } from './event-queue.js'
import type { Step, StepPeers } from './step.js'

/** What a group asks of a replica. */
export interface Rank {
  /** Whether requests wait or run here. */
  readonly unfinished: boolean
  /** Drains the input and forms the next step, which may hold nothing. @returns whether it holds something */
  fillNext(nowNs: number): boolean
  /** The step formed last enters the ring; one that holds nothing becomes a dummy. */
  acceptNext(nowNs: number): void
  readonly executing: Step
  /** Prices the step that starts. @returns ns it takes, and the earliest instant at which its launch is done */
  priceHead(nowNs: number): { durationNs: number; launchedNs: number }
  startHead(startNs: number, endNs: number, nowNs: number): void
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

  /** @param handles of the group's completion and of its next form */
  constructor(
    private readonly ranks: readonly Rank[],
    private readonly depth: number,
    private readonly waveSteps: number,
    private readonly events: EventQueue,
    private readonly handles: { complete: number; form: number },
  ) {
    this.peers = { count: ranks.length, tokens: new Int32Array(ranks.length), anyPrefill: false }
  }

  get idle(): boolean {
    return this.formedCount === 0
  }

  requestForm(nowNs: number): void {
    this.events.set(this.handles.form, Math.max(nowNs, this.hostFreeNs), Phase.form)
  }

  form(nowNs: number): void {
    let busy = false
    for (const rank of this.ranks) busy = rank.fillNext(nowNs) || busy
    // With nothing to run behind a step that runs, or at the end of a wave, all stand still; within a wave they go on with dummies.
    if (!busy && (this.formedCount > 0 || this.waveEnds())) return
    this.dummySteps = busy ? 0 : this.dummySteps + 1
    for (const rank of this.ranks) rank.acceptNext(nowNs)
    this.formedCount++
    if (this.formedCount === 1) this.start(nowNs)
    if (this.formedCount < this.depth) this.requestForm(nowNs)
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
    if (this.formedCount > 0) this.start(nowNs)
    this.requestForm(nowNs)
  }

  /** All ranks start; each is priced knowing the others' tokens. */
  private start(nowNs: number): void {
    const { ranks, peers } = this
    peers.anyPrefill = false
    for (let i = 0; i < ranks.length; i++) {
      const { executing } = ranks[i]!
      peers.tokens[i] = executing.tokens
      peers.anyPrefill ||= executing.prefills > 0
    }
    let startNs = nowNs
    let longestNs = 0
    for (const rank of ranks) {
      rank.executing.peers = peers
      rank.executing.unpadded()
      const { durationNs, launchedNs } = rank.priceHead(nowNs)
      longestNs = Math.max(longestNs, durationNs)
      startNs = Math.max(startNs, launchedNs)
    }
    this.hostFreeNs = Math.max(this.hostFreeNs, startNs)
    const endNs = startNs + longestNs
    for (const rank of ranks) rank.startHead(startNs, endNs, nowNs)
    this.events.set(this.handles.complete, endNs, Phase.complete)
  }
}
