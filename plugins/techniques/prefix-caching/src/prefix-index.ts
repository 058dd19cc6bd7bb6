import { type Eviction, type KvIndex, type KvIndexContext, type PrefixText, PrefixTree } from '@servesim/core'
import { CachedChains } from './cached-chains.js'
import { Holdings } from './holdings.js'
import { RunTable } from './run-table.js'

/**
 * vLLM's device cache (block pool and prefix index) over runs of blocks instead of blocks: every operation costs as much as there are
 * runs, not blocks, and per-block behaviour is reproduced exactly. See the README for the rules and their sources.
 */
export class PrefixIndex implements KvIndex {
  readonly reads = 'sequences'
  freeBlocks: number
  onLoss: ((id: number, endBlock: number, blocks: number) => void) | undefined = undefined
  private readonly tree: PrefixTree
  private readonly cached: CachedChains
  private readonly holdings = new Holdings()
  /** Free blocks without content that are given out before any content is lost. */
  private blankBlocks: number
  /** Chains of a text from its end to the root; scratch. */
  private path = new Int32Array(16)
  /** Pieces of one entry; scratch. */
  private pieces: number[] = []

  /**
   * @param blankFirst whether freed blocks without a full block's hash go to the head of the free queue (vLLM from 0.24) or to its tail
   * @param runs the table that `eviction` reads, if it reads one
   */
  constructor(
    private readonly context: KvIndexContext,
    private readonly eviction: Eviction,
    private readonly blankFirst: boolean,
    private readonly runs = new RunTable(),
  ) {
    this.cached = new CachedChains(runs)
    this.tree = new PrefixTree(context.blockSizeTokens)
    this.freeBlocks = context.totalBlocks
    this.blankBlocks = context.totalBlocks
    this.cached.cut = (run, at) => this.cut(run, at)
  }

  identify(request: number, text: PrefixText): boolean {
    if (!PrefixTree.fits(text.groupTokens, this.context.blockSizeTokens)) return false
    const chain = this.internChain(text)
    if (chain < 0) return false
    this.holdings.begin(request, chain, this.tree.knownBlocks(text))
    return true
  }

  private internChain(text: PrefixText): number {
    const { tree, cached } = this
    const chain = tree.intern(text)
    if (chain === cached.count) cached.add(chain, tree.parent(chain), tree.start(chain))
    return chain
  }

  probe(text: PrefixText): number {
    if (!PrefixTree.fits(text.groupTokens, this.context.blockSizeTokens)) return 0
    const { chain, blocks } = this.tree.find(text)
    return this.cachedBlocks(chain, blocks)
  }

  match(request: number, maxBlocks: number): number {
    const known = Math.min(maxBlocks, this.holdings.known(request))
    return this.cachedBlocks(this.holdings.chain(request), known)
  }

  /** Blocks of the text's first `blocks` that are cached: from its end backwards the first chain with content says it. */
  private cachedBlocks(chain: number, blocks: number): number {
    const { tree, cached } = this
    let end = blocks
    for (let c = chain; c >= 0; c = tree.parent(c)) {
      const start = tree.start(c)
      if (start < end && cached.end(c) > start) return Math.min(end, cached.end(c))
      end = Math.min(end, start)
    }
    return 0
  }

  idle(request: number, blocks: number): number {
    const { runs, cached, tree } = this
    let idle = 0
    let end = blocks
    for (let c = this.holdings.chain(request); c >= 0; c = tree.parent(c)) {
      for (let run = cached.head(c); run >= 0 && runs.first[run]! < end; run = runs.next[run]!) {
        if (runs.holders[run] === 0) idle += Math.min(end, runs.end(run)) - runs.first[run]!
      }
      end = Math.min(end, tree.start(c))
    }
    return idle
  }

  take(request: number, blocks: number): void {
    const { runs, cached, tree, holdings } = this
    for (let i = this.pathOf(holdings.chain(request)); i-- > 0; ) {
      const chain = this.path[i]!
      if (tree.start(chain) >= blocks) break
      // The next chain of the path begins where this one is left.
      const end = i === 0 ? blocks : Math.min(blocks, tree.start(this.path[i - 1]!))
      for (let run = cached.head(chain); run >= 0 && runs.first[run]! < end; run = runs.next[run]!) {
        if (runs.end(run) > end) this.cut(run, end)
        if (runs.holders[run]!++ === 0) {
          this.eviction.reference(run)
          this.freeBlocks -= runs.count[run]!
        }
        holdings.add(request, run, runs.end(run))
      }
    }
    holdings.setCommitted(request, blocks)
  }

  commit(request: number, toBlock: number): void {
    const { cached, tree, holdings } = this
    const from = holdings.committed(request)
    const to = Math.min(toBlock, holdings.known(request))
    if (to <= from) return
    for (let i = this.pathOf(holdings.chain(request)); i-- > 0; ) {
      const chain = this.path[i]!
      const start = Math.max(from, tree.start(chain))
      const end = i === 0 ? to : Math.min(to, tree.start(this.path[i - 1]!))
      if (start >= end) continue
      const known = Math.min(end, Math.max(start, cached.end(chain)))
      if (known > start) this.addDuplicate(request, chain, start, known)
      if (end > known) this.addFirstCopy(request, chain, known, end)
    }
    holdings.setCommitted(request, to)
  }

  private addDuplicate(request: number, chain: number, from: number, to: number): void {
    const run = this.runs.create(chain, from, to - from, 1)
    this.cached.addDuplicate(run)
    this.holdings.add(request, run, to)
  }

  private addFirstCopy(request: number, chain: number, from: number, to: number): void {
    const { runs, cached, holdings } = this
    const last = cached.tail(chain)
    // A run that only this request holds grows on.
    if (
      last >= 0 &&
      runs.holders[last] === 1 &&
      runs.end(last) === from &&
      holdings.lastRun(request) === last &&
      runs.nextPiece[last]! < 0
    ) {
      runs.count[last]! += to - from
      cached.extended(chain)
      holdings.extend(request, to)
      return
    }
    const run = runs.create(chain, from, to - from, 1)
    cached.append(run)
    holdings.add(request, run, to)
  }

  release(request: number, blocks: number): number {
    const { runs, holdings } = this
    const identified = this.context.requests.identified[request] === 1
    const committed = identified ? holdings.committed(request) : 0
    let freed = this.releaseAnonymous(request, blocks - committed, committed)
    if (!identified) return freed
    for (let entry = holdings.last(request); entry >= 0; entry = holdings.previous(entry)) {
      const end = holdings.end(entry)
      const { pieces } = this
      pieces.length = 0
      for (let run = holdings.run(entry); run >= 0 && runs.first[run]! < end; run = runs.nextPiece[run]!) pieces.push(run)
      for (let i = pieces.length; i-- > 0; ) {
        const run = pieces[i]!
        if (--runs.holders[run]! > 0) continue
        this.eviction.release(run)
        freed += runs.count[run]!
        this.freeBlocks += runs.count[run]!
      }
    }
    holdings.clear(request)
    return freed
  }

  /** Blocks whose content nobody can ask for: full ones of unknown text, and the last, partly filled one. */
  private releaseAnonymous(request: number, count: number, committed: number): number {
    if (count <= 0) return 0
    const { requests, blockSizeTokens } = this.context
    // A token in flight is counted as computed, but its block was not hashed yet.
    const written = requests.computedTokens[request]! - requests.placeholderTokens[request]!
    const full = Math.max(0, Math.min(count, Math.floor(written / blockSizeTokens) - committed))
    const queued = this.blankFirst ? full : count
    this.blankBlocks += count - queued
    if (queued > 0) this.eviction.release(this.runs.create(-1, 0, queued, 0))
    this.freeBlocks += count
    return count
  }

  /** They were given out and never hashed: blank as before. */
  trim(_request: number, blocks: number): void {
    this.blankBlocks += blocks
    this.freeBlocks += blocks
  }

  reclaim(blocks: number): void {
    const { runs, eviction, cached } = this
    this.freeBlocks -= blocks
    const blank = Math.min(blocks, this.blankBlocks)
    this.blankBlocks -= blank
    for (let left = blocks - blank; left > 0; ) {
      const run = cached.lastBehind(eviction.victim())
      const count = Math.min(left, cached.loose(run))
      left -= count
      eviction.reuse?.(run, count)
      if (runs.chain[run]! < 0) runs.count[run]! -= count
      else this.dropTail(run, count)
      if (runs.count[run] === 0) {
        eviction.reference(run)
        runs.release(run)
      }
    }
  }

  private dropTail(run: number, count: number): void {
    const { runs, cached, tree } = this
    const chain = runs.chain[run]!
    const top = runs.end(run)
    const isCopy = runs.duplicate[run] === 1
    cached.dropTail(run, count)
    // Where a copy took its place nothing is lost.
    const from = Math.max(cached.end(chain), top - count)
    if (this.onLoss !== undefined && !isCopy && from < top) this.onLoss(tree.idOf(chain, top - 1), top, top - from)
  }

  move(from: number, to: number): void {
    this.holdings.move(from, to)
  }

  forget(request: number): void {
    this.holdings.clear(request)
  }

  sameText(a: number, b: number, block: number): boolean {
    const { holdings } = this
    if (block >= holdings.known(a) || block >= holdings.known(b)) return false
    return this.chainAt(holdings.chain(a), block) === this.chainAt(holdings.chain(b), block)
  }

  /** The chain that holds this block of a text that ends on `chain`. */
  private chainAt(chain: number, block: number): number {
    let c = chain
    while (c >= 0 && this.tree.start(c) > block) c = this.tree.parent(c)
    return c
  }

  knowsOutput(request: number): boolean {
    return this.holdings.known(request) > Math.floor(this.context.requests.promptTokens[request]! / this.context.blockSizeTokens)
  }

  /** Cuts a run; an unreferenced one leaves two in the queue. */
  private cut(run: number, at: number): number {
    const rest = this.runs.split(run, at)
    this.cached.placeRest(run, rest)
    if (this.runs.holders[run] === 0) this.eviction.split(run, rest)
    return rest
  }

  /** Fills `path` with the chains from the text's end to the root. @returns how many */
  private pathOf(chain: number): number {
    let length = 0
    for (let c = chain; c >= 0; c = this.tree.parent(c)) {
      if (length === this.path.length) {
        const grown = new Int32Array(2 * length)
        grown.set(this.path)
        this.path = grown
      }
      this.path[length++] = c
    }
    return length
  }
}
