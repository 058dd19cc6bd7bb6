import { ServesimError } from './errors.js'
import type { KvBlocks } from './kv-blocks.js'
import type { KvTiers } from './kv-tiers.js'
import type { StepPlan } from './points/scheduler.js'
import { RequestStatus, type RequestTable } from './request-table.js'
import type { RequestList } from './running-list.js'
import type { Speculation } from './speculation.js'
import type { Step } from './step.js'

interface PlanContext {
  requests: RequestTable
  depth: number
  sharesEarly: boolean
  speculation: Speculation | undefined
}

/** What a scheduler calls at form: fills one step of a replica and keeps the books of blocks and running requests. */
export class FormingPlan implements StepPlan {
  preemptions = 0
  private nowNs = 0
  /** Tokens of steps with these numbers and later ones are in flight, or not known when this step starts; none without a pipeline. */
  private inFlightFrom = Number.POSITIVE_INFINITY
  private unknownFrom = Number.POSITIVE_INFINITY
  private tracks = false

  /** @param forming the step to fill first */
  constructor(
    private readonly replica: number,
    private readonly kv: KvBlocks,
    private readonly shared: PlanContext,
    readonly running: RequestList,
    private forming: Step,
    private readonly tiers: KvTiers | undefined,
  ) {}

  /** From now on this empty step is filled. */
  begin(step: Step, nowNs: number): void {
    this.forming = step
    this.nowNs = nowNs
  }

  /** There are several stages: the oldest step in flight, and the oldest whose tokens will not be there in time, by their numbers. */
  track(inFlightFrom: number, unknownFrom: number): void {
    this.tracks = true
    this.inFlightFrom = inFlightFrom
    this.unknownFrom = unknownFrom
  }

  get totalBlocks(): number {
    return this.kv.total
  }

  get freeBlocks(): number {
    return this.kv.free
  }

  schedule(request: number, tokens: number, lookaheadTokens = 0): boolean {
    if (this.awaitsToken(request)) this.refuseUnknown(request)
    const context = this.shared.requests.computedTokens[request]!
    while (!this.kv.extend(request, context + tokens + lookaheadTokens)) {
      if (this.running.length > 1 || this.tiers === undefined || !this.tiers.makeRoom(request, true)) return false
    }
    this.forming.add(request, tokens, context, this.shared.speculation === undefined ? 0 : this.draftsAmong(request, tokens))
    this.commitAtForm(request, context + tokens)
    this.tiers?.fills(this.forming, request, context, context + tokens)
    return true
  }

  /** What a request schedules beyond its sequence and the tokens in flight. */
  private draftsAmong(request: number, tokens: number): number {
    const { draftTokens, computedTokens, promptTokens, outputTokens, placeholderTokens } = this.shared.requests
    if (draftTokens[request] === 0) return 0
    return Math.max(0, computedTokens[request]! + tokens - promptTokens[request]! - outputTokens[request]! - placeholderTokens[request]!)
  }

  unschedule(request: number): number {
    return this.forming.remove(request, this.shared.requests.computedTokens)
  }

  awaitsToken(request: number): boolean {
    return this.tracks && this.shared.requests.tokenStep[request]! >= this.unknownFrom
  }

  private refuseUnknown(request: number): never {
    throw new ServesimError(
      'SERVESIM_BROKEN_INVARIANT',
      `replica ${this.replica}`,
      `Request row ${request} is scheduled at ${this.nowNs} ns while its last token is still in a pipeline stage.`,
      'Its scheduler has to ask awaitsToken: report it to its author.',
    )
  }

  isHeld(request: number): boolean {
    const { held, status, tokenStep } = this.shared.requests
    return held[request] === 1 || status[request] === RequestStatus.loading || (this.tracks && tokenStep[request]! >= this.inFlightFrom)
  }

  get mayLoad(): boolean {
    return this.tiers !== undefined
  }

  loadable(request: number, hitBlocks: number): number {
    return this.tiers === undefined ? 0 : this.tiers.probe(request, hitBlocks * this.kv.blockSizeTokens)
  }

  load(request: number, hitBlocks: number, tokens: number, mustFitTokens: number): boolean {
    const hitTokens = hitBlocks * this.kv.blockSizeTokens
    if (!this.giveFirst(request, hitTokens + tokens, hitBlocks, mustFitTokens)) return false
    this.tiers!.begin(request, hitTokens, tokens)
    return true
  }

  /** First blocks of a request that does not run yet. */
  private giveFirst(request: number, tokens: number, hitBlocks: number, mustFitTokens: number): boolean {
    const { kv, tiers } = this
    for (;;) {
      const loaded = this.shared.requests.blocks[request]! > 0
      const fits = loaded ? kv.admitLoaded(request, tokens, mustFitTokens) : kv.admit(request, tokens, hitBlocks, mustFitTokens)
      if (fits) return true
      // Requests whose KV was brought hold blocks and do not run: where nothing else does, they must not wait for each other forever.
      if (tiers === undefined || this.running.length > 0 || !tiers.makeRoom(request, false)) return false
    }
  }

  match(request: number): number {
    const { requests, speculation } = this.shared
    const { index, blockSizeTokens } = this.kv
    if (index === undefined || requests.identified[request] === 0) return 0
    // At least one token is computed again: its logits are what the next token is drawn from.
    const most = Math.floor((requests.promptTokens[request]! + requests.outputTokens[request]! - 1) / blockSizeTokens)
    const blocks = index.match(request, most)
    return speculation?.decode.dropsLastHit === true ? Math.max(0, blocks - 1) : blocks
  }

  matchMayGrow(request: number): boolean {
    const { index } = this.kv
    if (index === undefined || this.shared.requests.identified[request] === 0) return false
    const matched = this.match(request)
    for (let i = 0; i < this.running.length; i++) {
      const r = this.running.at(i)
      if (this.shared.requests.identified[r] === 1 && index.sameText(request, r, matched)) return true
    }
    return false
  }

  samePrefix(a: number, b: number, tokens: number): boolean {
    const { identified } = this.shared.requests
    const { index } = this.kv
    if (index === undefined || identified[a] === 0 || identified[b] === 0) return false
    return index.sameText(a, b, this.kv.blocksFor(tokens) - 1)
  }

  admit(request: number, tokens: number, hitBlocks: number, mustFitTokens: number, lookaheadTokens = 0): boolean {
    const { requests } = this.shared
    const loaded = requests.blocks[request]! > 0
    const hitTokens = loaded ? requests.computedTokens[request]! : hitBlocks * this.kv.blockSizeTokens
    if (!this.giveFirst(request, hitTokens + tokens + lookaheadTokens, hitBlocks, mustFitTokens)) return false
    requests.computedTokens[request] = hitTokens
    requests.status[request] = RequestStatus.running
    if (requests.cachedTokens[request]! < 0) requests.cachedTokens[request] = hitTokens
    this.running.push(request)
    this.forming.add(request, tokens, hitTokens, 0)
    this.commitAtForm(request, hitTokens + tokens)
    if (this.tiers !== undefined) {
      this.tiers.admitted(request)
      this.tiers.fills(this.forming, request, hitTokens, hitTokens + tokens)
    }
    return true
  }

  preempt(request: number): void {
    const { requests } = this.shared
    if (requests.status[request] !== RequestStatus.running) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        `replica ${this.replica}`,
        `Request row ${request} is preempted at ${this.nowNs} ns but does not run.`,
      )
    }
    this.tiers?.released(request, false)
    this.kv.release(request)
    this.running.remove(request)
    requests.computedTokens[request] = 0
    requests.draftTokens[request] = 0
    requests.status[request] = RequestStatus.preempted
    requests.preemptions[request]!++
    this.preemptions++
  }

  /**
   * Full blocks become hittable when they are allocated, for a prompt admitted later in this very step too: attention writes a batch's
   * KV before it reads. Under asynchronous scheduling a decoded token is not known yet then; its block follows at completion.
   * Where only computed content is shared, what earlier chunks computed becomes hittable with the next one.
   */
  private commitAtForm(request: number, computedTokens: number): void {
    const { requests, depth, sharesEarly } = this.shared
    if (requests.identified[request] === 0 || (depth > 1 && requests.placeholderTokens[request]! > 0)) return
    if (!sharesEarly) {
      this.kv.commit(request, Math.min(requests.computedTokens[request]!, requests.promptTokens[request]!))
      return
    }
    this.kv.commit(request, Math.min(computedTokens, requests.promptTokens[request]! + requests.outputTokens[request]!))
  }
}
