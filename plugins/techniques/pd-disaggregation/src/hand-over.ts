import {
  type Counter,
  type Engine,
  type Journey,
  type JourneyContext,
  type JourneyFactory,
  type KvTierContext,
  Phase,
  type RequestColumn,
  type Timer,
  type TransferChannel,
} from '@servesim/core'
import { type RankFlow, rankFlows } from './kv-flows.js'
import { Way } from './way.js'

export interface HandOverOptions {
  handover: 'pull' | 'layer-by-layer'
  localBelowTokens: number
}

const prefill = 0
const decode = 1

/**
 * Prefill in one pool, decode in another. A subrequest has the prompt computed; its replica keeps the blocks until the decode replica has
 * read them. The decode replica reserves blocks for the whole prompt before anything travels, so that a full decode pool leaves KV where it
 * is, and the prefill replicas fill up in their turn.
 *
 * *Pull*: the request is sent to the decode pool once its prompt is computed, and reads the missing blocks in one go, as vLLM's NIXL
 * connector does. *Layer by layer*: it is sent there at once, its prompt is computed once blocks are reserved, and each layer's KV travels as
 * it comes into being, as from SGLang's prefill servers.
 */
export class HandOver implements JourneyFactory {
  readonly roles = ['prefill', 'decode']
  private journey!: JourneyContext
  private readonly ways = new Map<number, Way>()
  private readonly bySubrequest = new Map<number, Way>()
  private readonly replicas = new Map<number, KvTierContext>()
  /** By the layouts of source and target. */
  private readonly flows = new Map<string, RankFlow[]>()
  private readonly channel: TransferChannel
  /** What fails while blocks are being reserved is told a moment later. */
  private readonly alarm: Timer
  private readonly transferNs: RequestColumn
  private readonly sentBytes: Counter
  private readonly local: Counter
  private readonly recomputed: Counter
  private readonly early: boolean

  constructor(
    private readonly options: HandOverOptions,
    private readonly engine: Engine,
  ) {
    this.early = options.handover === 'layer-by-layer'
    this.channel = engine.transfers.channel({ arrived: (request, nowNs) => this.arrived(request, nowNs) })
    engine.onDeath((replica) => this.died(replica))
    this.alarm = engine.timer((request) => this.giveUpOn(request))
    this.transferNs = engine.requestColumn()
    engine.resultColumn('kvTransferNs', 'ns', this.transferNs)
    this.sentBytes = engine.counter('kvHandedOverBytes')
    this.local = engine.counter('localPrompts')
    this.recomputed = engine.counter('lostKvPrompts')
  }

  build(context: JourneyContext): Journey {
    this.journey = context
    return {
      begin: (request) => this.begin(request),
      done: (subrequest, nowNs) => this.done(subrequest, nowNs),
      failed: (subrequest, reason) => this.failed(subrequest, reason),
      left: (request) => this.left(request),
    }
  }

  /** The memory of a replica, of either role. */
  register(context: KvTierContext): void {
    this.replicas.set(context.replica, context)
  }

  private begin(request: number): void {
    const { journey } = this
    const tokens = journey.requests.promptTokens[request]! + journey.requests.outputTokens[request]!
    if (tokens < this.options.localBelowTokens) {
      this.local.value++
      journey.send(request, decode)
      return
    }
    const way = new Way(request, tokens)
    this.ways.set(request, way)
    // What is handed over layer by layer needs its place before it is computed.
    if (this.early) journey.send(request, decode)
    else this.compute(way)
  }

  /** A prefill replica shall compute the prompt. */
  private compute(way: Way): void {
    way.subrequest = this.journey.subrequest(way.request)
    this.bySubrequest.set(way.subrequest, way)
    this.journey.send(way.subrequest, prefill)
  }

  /** The subrequest ends and gives up its blocks. @param keep keeps them */
  keepBlocks(subrequest: number, keep: () => number): void {
    const way = this.bySubrequest.get(subrequest)
    if (way !== undefined) way.kept = keep()
  }

  private done(subrequest: number, nowNs: number): void {
    const way = this.bySubrequest.get(subrequest)!
    this.bySubrequest.delete(subrequest)
    way.subrequest = -1
    way.computed = true
    way.source = this.journey.requests.replica[subrequest]!
    // A cache whose blocks cannot outlive a request has lost them: the decode replica computes the prompt again.
    if (way.kept < 0) this.giveUp(way)
    else if (way.target >= 0) this.sendRest(way, nowNs)
    if (!this.early) this.journey.send(way.request, decode)
  }

  private failed(subrequest: number, reason: string | undefined): void {
    const way = this.bySubrequest.get(subrequest)!
    this.bySubrequest.delete(subrequest)
    way.subrequest = -1
    if (this.early) this.alarm.at(this.engine.nowNs, Phase.complete, way.request)
    else if (reason !== undefined) this.journey.refuse(way.request, reason)
    else {
      this.ways.delete(way.request)
      this.begin(way.request)
    }
  }

  private giveUpOn(request: number): void {
    const way = this.ways.get(request)
    if (way !== undefined && way.subrequest < 0 && !way.computed) this.giveUp(way)
  }

  /** The KV will not come: the decode replica computes the prompt itself. */
  private giveUp(way: Way): void {
    this.recomputed.value++
    this.forget(way)
    if (way.target >= 0) this.replicas.get(way.target)!.failed(way.request)
  }

  private left(request: number): void {
    const way = this.ways.get(request)
    if (way !== undefined) this.forget(way)
  }

  /** Nothing of the way is left anywhere. */
  private forget(way: Way): void {
    this.ways.delete(way.request)
    this.stop(way)
    if (way.subrequest >= 0) {
      this.bySubrequest.delete(way.subrequest)
      this.journey.cancel(way.subrequest)
    }
    if (way.kept >= 0) this.replicas.get(way.source)!.free(way.kept)
  }

  private stop(way: Way): void {
    for (const ticket of way.tickets) this.engine.transfers.cancel(ticket)
    way.tickets.length = 0
    way.pending = 0
  }

  private died(replica: number): void {
    for (const way of [...this.ways.values()]) {
      // Of a prompt that is being computed core tells itself.
      if (way.source !== replica || !way.computed) continue
      way.source = -1
      way.kept = -1
      this.giveUp(way)
    }
  }

  /** Tokens behind the first `fromToken` that the request's decode replica can have. */
  available(request: number, fromToken: number): number {
    const way = this.ways.get(request)
    return way === undefined || !(this.early || way.kept >= 0) ? 0 : Math.max(0, way.tokens - fromToken)
  }

  /** Blocks are reserved for it. */
  load(request: number, fromToken: number, replica: number): void {
    const way = this.ways.get(request)!
    way.target = replica
    way.sentTokens = fromToken
    way.loadingSinceNs = this.engine.nowNs
    if (way.computed) this.sendRest(way, this.engine.nowNs)
    else if (way.subrequest < 0) this.compute(way)
  }

  /** The load is of no use now; it may be asked for again. */
  cancelLoad(request: number): void {
    const way = this.ways.get(request)
    if (way === undefined) return
    this.stop(way)
    way.target = -1
  }

  /** The request runs: whatever has not been asked for was found in the replica's own cache. */
  admitted(request: number): void {
    this.left(request)
  }

  /** A step computes tokens of a subrequest. */
  computing(subrequest: number, fromToken: number, toToken: number, replica: number, startNs: number, endNs: number): void {
    const way = this.bySubrequest.get(subrequest)
    if (!this.early || way === undefined || way.target < 0) return
    way.source = replica
    // What the prefill replica had cached is there already.
    this.send(way, fromToken, startNs, startNs)
    this.send(way, toToken, startNs, endNs)
  }

  private sendRest(way: Way, nowNs: number): void {
    this.send(way, way.tokens, nowNs, nowNs)
    if (way.pending === 0) this.landed(way, nowNs)
  }

  /** Sends what has not been sent up to `toToken`, whole blocks at the end of the prompt. */
  private send(way: Way, toToken: number, fromNs: number, toNs: number): void {
    if (toToken <= way.sentTokens) return
    const source = this.replicas.get(way.source)!
    const target = this.replicas.get(way.target)!
    const end = toToken < way.tokens ? toToken : Math.ceil(toToken / source.blockSizeTokens) * source.blockSizeTokens
    const { transfers } = this.engine
    for (const { sourceRank, targetRank, bytesPerToken, layers } of this.flowsOf(source, target)) {
      const bytes = bytesPerToken * (end - way.sentTokens)
      const [from, to] = [transfers.placement.rank(way.source, sourceRank), transfers.placement.rank(way.target, targetRank)]
      way.tickets.push(this.channel.send(from, to, bytes, way.request, fromNs, toNs, layers))
      way.pending++
      this.sentBytes.value += bytes
    }
    way.sentTokens = toToken
  }

  private flowsOf(source: KvTierContext, target: KvTierContext): RankFlow[] {
    const key = `${source.layoutKey} ${target.layoutKey}`
    const known = this.flows.get(key)
    if (known !== undefined) return known
    const made = rankFlows(source.kvRanges, target.kvRanges)
    this.flows.set(key, made)
    return made
  }

  private arrived(request: number, nowNs: number): void {
    const way = this.ways.get(request)!
    way.pending--
    if (way.pending === 0 && way.computed) this.landed(way, nowNs)
  }

  private landed(way: Way, nowNs: number): void {
    this.transferNs.values[way.request] = nowNs - way.loadingSinceNs
    way.tickets.length = 0
    this.forget(way)
    this.replicas.get(way.target)!.landed(way.request)
  }
}
