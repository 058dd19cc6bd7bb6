import { ServesimError } from './errors.js'
import type { KvBlocks } from './kv-blocks.js'
import type { PrefixText } from './points/kv-index.js'
import type { KvTier } from './points/kv-tier.js'
import { RequestStatus, type RequestTable } from './request-table.js'
import type { Step } from './step.js'

/** A request whose KV is brought, or has been and waits to run. */
interface Load {
  readonly tier: KvTier
  /** Tokens that it will have, those found on the device included. */
  readonly tokens: number
  /** `seen`: a form has looked after it landed, so the scheduler may admit it. */
  state: 'under way' | 'landed' | 'seen'
}

/** What the memories behind one replica's device need of its unit. */
export interface TierHost {
  readonly kv: KvBlocks
  readonly requests: RequestTable
  /** Waiting requests are looked at again at the next form. */
  wake(): void
}

/**
 * The memories behind one replica's device, in the order they are asked. A request that one of them has KV for gets its blocks at once and
 * is held back, without a running slot and without token budget, until everything has landed and a form has seen it.
 */
export class KvTiers {
  /** By request row, in the order the loads began. */
  private readonly loads = new Map<number, Load>()
  private landedCount = 0
  /** Who answered the last probe, and for whom. */
  private probed = -1
  private answering: KvTier | undefined
  /** Blocks that outlive their requests, by the row that holds them, and how many tiers need them. */
  private readonly kept = new Map<number, number>()
  /** By request row: full blocks that the tiers were told of, and which admission of the row that was. */
  private told = new Int32Array(0)
  private admissions = new Int32Array(0)
  private readonly hearsOfBlocks: boolean
  private readonly hearsOfSteps: boolean
  private readonly hearsOfOutputs: boolean

  constructor(
    private readonly host: TierHost,
    private readonly tiers: readonly KvTier[],
  ) {
    const listeners = tiers.filter((tier) => tier.computed !== undefined)
    this.hearsOfBlocks = listeners.length > 0
    this.hearsOfSteps = tiers.some((tier) => tier.computing !== undefined)
    this.hearsOfOutputs = listeners.some((tier) => tier.reads === 'tokens')
    const { index } = host.kv
    const losers = tiers.filter((tier) => tier.lost !== undefined)
    if (index !== undefined && losers.length > 0) {
      index.onLoss = (id, endBlock, blocks) => {
        for (const tier of losers) tier.lost!(id, endBlock, blocks)
      }
    }
  }

  /** Rows that hold blocks and do not run: requests whose KV is brought or was, and what is kept of requests that ended. */
  *holders(): IterableIterator<number> {
    yield* this.loads.keys()
    yield* this.kept.keys()
  }

  isUnderWay(request: number): boolean {
    return this.host.requests.status[request] === RequestStatus.loading
  }

  identify(request: number, text: PrefixText): void {
    for (const tier of this.tiers) tier.identify?.(request, text)
  }

  /** Tokens behind the first `fromToken` that the first tier with any would bring; −1: one of them cannot say yet. */
  probe(request: number, fromToken: number): number {
    for (const tier of this.tiers) {
      const tokens = tier.probe(request, fromToken)
      if (tokens === 0) continue
      this.probed = request
      this.answering = tier
      return tokens
    }
    return 0
  }

  /** The request's blocks are given: the load begins. */
  begin(request: number, fromToken: number, tokens: number): void {
    const { requests } = this.host
    if (this.probed !== request) this.probe(request, fromToken)
    const tier = this.answering!
    requests.status[request] = RequestStatus.loading
    this.loads.set(request, { tier, tokens: fromToken + tokens, state: 'under way' })
    tier.load(request, fromToken, tokens)
  }

  /** A tier says that everything is there. */
  landed(request: number): void {
    this.underWay(request).state = 'landed'
    this.landedCount++
    this.host.wake()
  }

  /** A tier says that it will never be. */
  failed(request: number): void {
    this.underWay(request)
    this.host.wake()
    this.startOver(request)
  }

  private underWay(request: number): Load {
    const load = this.loads.get(request)
    if (load?.state === 'under way') return load
    throw new ServesimError(
      'SERVESIM_BROKEN_INVARIANT',
      'kvTier',
      `A tier ends a load of request row ${request}, which has none under way.`,
    )
  }

  /** A form begins: what has landed is seen now. At least the last token is computed again, for the logits that the next one is drawn from. */
  seeLanded(): void {
    if (this.landedCount === 0) return
    const { requests, kv } = this.host
    this.landedCount = 0
    for (const [request, load] of this.loads) {
      if (load.state !== 'landed') continue
      load.state = 'seen'
      const known = requests.promptTokens[request]! + requests.outputTokens[request]!
      const computed = Math.min(load.tokens, known - 1)
      requests.computedTokens[request] = computed
      requests.status[request] = RequestStatus.waiting
      if (requests.identified[request] === 1) kv.commit(request, computed)
    }
  }

  /** The request runs now. */
  admitted(request: number): void {
    this.loads.delete(request)
    if (this.hearsOfBlocks) {
      if (request >= this.told.length) this.growRows(request)
      this.told[request] = 0
      this.admissions[request]!++
    }
    for (const tier of this.tiers) tier.admitted?.(request)
  }

  /**
   * Requests that were given blocks for a load keep them from `request`, and without those nothing would go on: the last of them gives its
   * blocks up and starts over. For a request that does not run yet that is so once all loads have landed and nothing else is kept.
   * @returns whether there was one
   */
  makeRoom(request: number, runs: boolean): boolean {
    let last = -1
    if (!runs && this.kept.size > 0) return false
    for (const [other, { state }] of this.loads) {
      if (!runs && state !== 'seen') return false
      if (other !== request) last = other
    }
    if (last < 0) return false
    this.cancel(last)
    this.startOver(last)
    return true
  }

  private startOver(request: number): void {
    const { requests, kv } = this.host
    this.loads.delete(request)
    kv.release(request)
    requests.computedTokens[request] = 0
    requests.status[request] = RequestStatus.waiting
  }

  /** The request will not run here any more, or not with what it has: a load that is under way stops. Its blocks are the caller's to release. */
  cancel(request: number): void {
    const load = this.loads.get(request)
    if (load === undefined) return
    this.loads.delete(request)
    if (load.state === 'landed') this.landedCount--
    if (load.state === 'under way') load.tier.cancel(request)
  }

  /** A step is formed that computes the request's tokens behind `context` up to `tokens`: tiers hear of it when it starts and completes. */
  fills(step: Step, request: number, context: number, tokens: number): void {
    if (this.hearsOfSteps && context < this.host.requests.promptTokens[request]!) step.computes.push(request, context, tokens)
    if (!this.hearsOfBlocks) return
    const { kv, requests } = this.host
    const most = this.hearsOfOutputs ? tokens : Math.min(tokens, requests.promptTokens[request]!)
    const blocks = Math.floor(most / kv.blockSizeTokens)
    if (blocks > this.told[request]!) step.fills.push(request, blocks, this.admissions[request]!)
  }

  /** The step starts, and its end is known. */
  starts({ computes }: Step, startNs: number, endNs: number): void {
    for (let i = 0; i < computes.length; i += 3) {
      for (const tier of this.tiers) tier.computing?.(computes[i]!, computes[i + 1]!, computes[i + 2]!, startNs, endNs)
    }
  }

  /** The step has completed, its tokens are not out yet. */
  filled({ fills }: Step): void {
    const { kv, requests } = this.host
    for (let i = 0; i < fills.length; i += 3) {
      const request = fills[i]!
      // Preempted or ended meanwhile, and perhaps admitted again.
      if (fills[i + 2] !== this.admissions[request]) continue
      const from = this.told[request]!
      // Drafts that are not accepted yet fill nothing.
      const known = requests.promptTokens[request]! + requests.outputTokens[request]!
      const to = Math.min(fills[i + 1]!, Math.floor(known / kv.blockSizeTokens))
      if (to <= from) continue
      this.told[request] = to
      for (const tier of this.tiers) tier.computed?.(request, from, to)
    }
  }

  /** The request gives up its blocks. @param ends else it is preempted */
  released(request: number, ends: boolean): void {
    if (request < this.admissions.length) this.admissions[request]!++
    if (!ends) {
      for (const tier of this.tiers) tier.released?.(request)
      return
    }
    let row = -1
    const keep = (): number => {
      if (row < 0) row = this.host.kv.keep(request)
      if (row >= 0) this.kept.set(row, (this.kept.get(row) ?? 0) + 1)
      return row
    }
    for (const tier of this.tiers) tier.released?.(request, keep)
  }

  /** The replica has died: loads under way are for nothing, and what was kept is gone. */
  die(): void {
    const { requests } = this.host
    for (const request of [...this.loads.keys()]) this.cancel(request)
    for (const row of this.kept.keys()) requests.release(row)
    this.kept.clear()
    for (const tier of this.tiers) tier.died?.()
  }

  /** A tier needs the blocks no more that it kept. */
  free(row: number): void {
    const users = this.kept.get(row)! - 1
    if (users > 0) {
      this.kept.set(row, users)
      return
    }
    // Who takes blocks in a stretch must have taken them before.
    this.host.wake()
    this.kept.delete(row)
    this.host.kv.drop(row)
  }

  private growRows(request: number): void {
    const capacity = Math.max(256, 2 * this.told.length, request + 1)
    const wider = (old: Int32Array) => {
      const grown = new Int32Array(capacity)
      grown.set(old)
      return grown
    }
    this.told = wider(this.told)
    this.admissions = wider(this.admissions)
  }
}
