import { type Engine, type KvTier, type KvTierContext, Phase, type PrefixText, PrefixTree, type Reads } from '@servesim/core'
import type { Copies } from './copies.js'
import type { Options } from './options.js'
import type { MemoryUser, SharedMemory } from './shared-memories.js'
import type { Totals } from './totals.js'

/** What all replicas of a pool have in common. */
export interface OffloadParts {
  own: Options
  reads: Reads
  engine: Engine
  copies: Copies
  totals: Totals
  /** The memory that only this replica used is gone. */
  forget(context: KvTierContext): void
}

interface Load {
  token: number
  chain: number
  from: number
  to: number
}

interface Store {
  token: number
  /** −1: its request needs it no more. */
  request: number
  runs: number[]
}

/** One replica's view of its host's memory. Lengths are in blocks unless they say tokens. */
export class OffloadTier implements KvTier, MemoryUser {
  readonly reads: Reads
  /** By request row: chain of its text, −1 where unknown; blocks of it that are known; blocks whose store is under way. */
  private readonly chains = new Map<number, number>()
  private readonly known = new Map<number, number>()
  private readonly pending = new Map<number, number>()
  private readonly kept = new Set<number>()
  private readonly loads = new Map<number, Load>()
  private readonly stores = new Set<Store>()
  /** Since when a request waits for its load, ns. */
  private readonly waitsSince = new Map<number, number>()
  /** What the device's cache has given up in this form, and how much of it is on its way. */
  private readonly lostRuns: { id: number; endBlock: number; blocks: number }[] = []
  private stagedBlocks = 0
  private readonly stagingBlocks: number
  private readonly flush
  readonly lost?: (id: number, endBlock: number, blocks: number) => void
  readonly computed?: (request: number, fromBlock: number, toBlock: number) => void

  constructor(
    private readonly parts: OffloadParts,
    private readonly shared: SharedMemory,
    private readonly context: KvTierContext,
  ) {
    const { own, engine } = parts
    this.reads = parts.reads
    const perRank = Math.max(...context.bytesPerTokenOfRank) * context.blockSizeTokens
    this.stagingBlocks = Math.floor((own.stagingGiB * 2 ** 30) / perRank)
    this.flush = engine.timer(() => this.storeLost())
    shared.users.add(this)
    if (own.store === 'on-eviction') this.lost = (id, endBlock, blocks) => this.noteLost(id, endBlock, blocks)
    else this.computed = (request, from, to) => this.storeComputed(request, from, to)
  }

  identify(request: number, text: PrefixText): void {
    const { tree } = this.shared
    if (!PrefixTree.fits(text.groupTokens, this.context.blockSizeTokens)) return
    this.chains.set(request, tree.intern(text))
    this.known.set(request, tree.knownBlocks(text))
  }

  probe(request: number, fromToken: number): number {
    const { memory } = this.shared
    const chain = this.chains.get(request) ?? -1
    if (chain < 0) return 0
    const { blockSizeTokens } = this.context
    const from = Math.floor(fromToken / blockSizeTokens)
    const blocks = memory.stored(chain, from, this.knownOf(request))
    if (blocks <= 0) return 0
    if (memory.isLoading(chain, from, from + blocks)) return -1
    const tokens = (from + blocks) * blockSizeTokens - fromToken
    return this.parts.own.load === 'always' || this.isSooner(blocks, tokens, fromToken) ? tokens : 0
  }

  private isSooner(blocks: number, tokens: number, fromToken: number): boolean {
    const { replica, blockSizeTokens, bytesPerTokenOfRank } = this.context
    const loadNs = this.parts.copies.estimateLoadNs(replica, bytesPerTokenOfRank, blocks * blockSizeTokens)
    return loadNs <= this.context.prefillNs(tokens, fromToken)
  }

  /** Full blocks of the request's sequence whose text is known. */
  private knownOf(request: number): number {
    const { promptTokens, outputTokens } = this.context.requests
    const full = Math.floor((promptTokens[request]! + outputTokens[request]!) / this.context.blockSizeTokens)
    return Math.min(this.known.get(request) ?? 0, full)
  }

  load(request: number, fromToken: number, tokens: number): void {
    const { totals, engine } = this.parts
    const { blockSizeTokens } = this.context
    const chain = this.chains.get(request)!
    const from = Math.floor(fromToken / blockSizeTokens)
    const to = Math.floor((fromToken + tokens) / blockSizeTokens)
    this.shared.memory.beginLoad(chain, from, to)
    const token = this.copy(false, to - from, {
      done: () => {
        this.endLoad(request)
        this.context.landed(request)
      },
      dropped: () => this.endLoad(request),
    })
    this.loads.set(request, { token, chain, from, to })
    if (!this.waitsSince.has(request)) this.waitsSince.set(request, engine.nowNs)
    totals.hitTokens.value += tokens
    totals.requestTokens.values[request]! += tokens
    totals.loadedBytes.value += this.bytesOf(to - from)
  }

  private endLoad(request: number): void {
    const load = this.loads.get(request)
    if (load === undefined) return
    this.loads.delete(request)
    this.shared.memory.endLoad(load.chain, load.from, load.to)
    this.tellUsers()
  }

  cancel(request: number): void {
    const load = this.loads.get(request)
    if (load === undefined) return
    this.parts.copies.cancel(load.token)
    this.endLoad(request)
  }

  admitted(request: number): void {
    const { totals, engine } = this.parts
    const since = this.waitsSince.get(request)
    if (since !== undefined) {
      this.waitsSince.delete(request)
      totals.requestWaitNs.values[request]! += engine.nowNs - since
      totals.loadWaitS.value += (engine.nowNs - since) / 1e9
    }
    const chain = this.chains.get(request) ?? -1
    if (chain >= 0) this.shared.memory.touch(chain, this.knownOf(request))
  }

  /** Write-through. What is here already is not copied again; where nothing else can go for it, it is left out. */
  private storeComputed(request: number, from: number, to: number): void {
    const { memory } = this.shared
    const chain = this.chains.get(request) ?? -1
    const known = chain < 0 ? from : Math.min(to, Math.max(from, this.knownOf(request)))
    if (known > from) this.store(memory.beginStore(chain, from, known), known - from, request)
    if (to > known) this.store(memory.beginStoreUnknown(to - known), to - known, request)
  }

  private noteLost(id: number, endBlock: number, blocks: number): void {
    if (this.lostRuns.length === 0) this.flush.at(this.parts.engine.nowNs, Phase.complete, 0, this.context.replica)
    this.lostRuns.push({ id, endBlock, blocks })
  }

  /** Right after the form that gave the blocks away: their content has been put aside on the device, as far as there is room. */
  private storeLost(): void {
    const { memory, tree } = this.shared
    for (const { id, endBlock, blocks } of this.lostRuns.splice(0)) {
      if (this.stagedBlocks + blocks > this.stagingBlocks) this.parts.totals.skippedBlocks.value += blocks
      else this.store(memory.beginStore(tree.chainOf(id), endBlock - blocks, endBlock), blocks, -1)
    }
  }

  private store(runs: number[] | undefined, blocks: number, request: number): void {
    const { totals } = this.parts
    if (runs === undefined) totals.skippedBlocks.value += blocks
    if (runs === undefined || runs.length === 0) return
    const { memory } = this.shared
    const count = runs.reduce((sum, run) => sum + memory.runs.count[run]!, 0)
    const isStaged = request < 0
    const end = () => {
      this.stores.delete(store)
      if (isStaged) this.stagedBlocks -= count
      else if (store.request >= 0) this.stored(store.request)
    }
    const store: Store = {
      request,
      runs,
      token: this.copy(true, count, {
        done: () => {
          memory.endStore(runs)
          end()
          this.tellUsers()
        },
        dropped: () => {
          memory.abandonStore(runs)
          this.stores.delete(store)
        },
      }),
    }
    this.stores.add(store)
    if (isStaged) this.stagedBlocks += count
    else this.pending.set(request, (this.pending.get(request) ?? 0) + 1)
    totals.storedBytes.value += this.bytesOf(count)
    totals.peakFraction.value = Math.max(totals.peakFraction.value, memory.peakBlocks / memory.capacityBlocks)
  }

  /** A store of the request's blocks has ended. */
  private stored(request: number): void {
    const left = this.pending.get(request)! - 1
    this.pending.set(request, left)
    if (left > 0) return
    this.pending.delete(request)
    if (this.kept.delete(request)) this.context.free(request)
  }

  released(request: number, keep?: () => number): void {
    const isPending = this.pending.has(request)
    if (isPending) {
      // The engine waits for stores of whom it preempts, which is not modelled: their blocks are free at once.
      const row = keep === undefined ? -1 : keep()
      for (const store of this.stores) if (store.request === request) store.request = row
      if (row >= 0) {
        this.pending.set(row, this.pending.get(request)!)
        this.kept.add(row)
      }
      this.pending.delete(request)
    }
    if (keep === undefined) return
    this.chains.delete(request)
    this.known.delete(request)
    this.waitsSince.delete(request)
  }

  changed(): void {
    this.context.changed()
  }

  died(): void {
    for (const request of [...this.loads.keys()]) this.cancel(request)
    for (const { token, runs } of this.stores) {
      this.parts.copies.cancel(token)
      this.shared.memory.abandonStore(runs)
    }
    this.stores.clear()
    this.shared.users.delete(this)
    this.parts.forget(this.context)
  }

  private copy(toHost: boolean, blocks: number, copy: Parameters<Copies['begin']>[4]): number {
    const { replica, bytesPerTokenOfRank, blockSizeTokens } = this.context
    return this.parts.copies.begin(replica, toHost, bytesPerTokenOfRank, blocks * blockSizeTokens, copy)
  }

  private bytesOf(blocks: number): number {
    return this.context.bytesPerTokenOfRank.reduce((sum, bytes) => sum + bytes, 0) * blocks * this.context.blockSizeTokens
  }

  /** What is stored, or loaded by somebody, has changed. */
  private tellUsers(): void {
    for (const user of this.shared.users) user.changed()
  }
}
