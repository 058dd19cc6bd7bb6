import type { Eviction, RunContents } from '@servesim/core'
import { Fifo, Links } from './fifo.js'
import { Ghost } from './ghost.js'

/** Hits are counted up to here, in two bits (§4.1 of the paper). */
const mostHits = 3

/** New content that was hit more often than this enters the main queue (§4.1). */
const hitsOfNew = 1

/**
 * S3-FIFO over runs of KV blocks. Content enters the small queue, or the main queue where it was lost only lately. A run that is in use is
 * in no queue; it comes back to its queue's young end with its hits counted, and into the main queue with its second hit. While the small
 * queue holds more than its share it gives up its oldest run; else the main queue does, where a run that was hit is passed over once for
 * each hit.
 */
export class S3Fifo implements Eviction {
  private readonly links = new Links()
  private readonly small = new Fifo(this.links)
  private readonly main = new Fifo(this.links)
  private readonly ghost: Ghost
  /** By run. */
  private hits = new Uint8Array(0)
  private isMain = new Uint8Array(0)
  private isKnown = new Uint8Array(0)
  /** What the run counts in its queue: its blocks when it came, so that sizes do not change while it is taken block by block. */
  private size = new Int32Array(0)

  constructor(
    private readonly runs: RunContents,
    private readonly smallFraction: number,
    ghostBlocks: number,
  ) {
    this.ghost = new Ghost(ghostBlocks)
  }

  release(run: number): void {
    this.reserve(run)
    if (this.isKnown[run] === 0) {
      const chain = this.runs.chain[run]!
      this.isKnown[run] = 1
      this.hits[run] = 0
      this.isMain[run] = chain >= 0 && this.ghost.take(chain, this.runs.first[run]!) ? 1 : 0
    } else if (this.isMain[run] === 0 && this.hits[run]! > hitsOfNew) {
      this.isMain[run] = 1
      this.hits[run] = 0
    }
    const queue = this.queueOf(run)
    queue.push(run)
    this.size[run] = this.runs.count[run]!
    queue.blocks += this.size[run]!
  }

  reference(run: number): void {
    const queue = this.queueOf(run)
    queue.remove(run)
    queue.blocks -= this.size[run]!
    // An emptied run's number will name other content.
    if (this.runs.count[run] === 0) this.isKnown[run] = 0
    else if (this.hits[run]! < mostHits) this.hits[run]!++
  }

  split(run: number, rest: number): void {
    this.reserve(rest)
    this.isKnown[rest] = 1
    this.hits[rest] = this.hits[run]!
    this.isMain[rest] = this.isMain[run]!
    this.size[rest] = this.runs.count[rest]!
    this.size[run]! -= this.size[rest]!
    this.queueOf(run).insertBefore(run, rest)
  }

  victim(): number {
    const { small, main } = this
    if (main.oldest < 0) return small.oldest
    if (small.oldest >= 0 && small.blocks >= this.smallFraction * (small.blocks + main.blocks)) return small.oldest
    return this.leastHit()
  }

  /** The run of the main queue that comes to its end without hits first: the oldest of those with the fewest. */
  private leastHit(): number {
    let victim = this.main.oldest
    for (let run = victim; run >= 0 && this.hits[victim]! > 0; run = this.links.younger[run]!) {
      if (this.hits[run]! < this.hits[victim]!) victim = run
    }
    return victim
  }

  reuse(run: number, blocks: number): void {
    const { chain, first, count } = this.runs
    if (this.isMain[run] === 1) this.passOver()
    const end = first[run]! + count[run]!
    if (chain[run]! >= 0) this.ghost.add(chain[run]!, end - blocks, end)
  }

  /** Until the oldest run of the main queue has no hits left: that is the victim. */
  private passOver(): void {
    const { main, hits } = this
    for (let run = main.oldest; hits[run]! > 0; run = main.oldest) {
      hits[run]!--
      main.remove(run)
      main.push(run)
    }
  }

  private queueOf(run: number): Fifo {
    return this.isMain[run] === 1 ? this.main : this.small
  }

  private reserve(run: number): void {
    this.links.reserve(run)
    if (run < this.hits.length) return
    const capacity = this.links.younger.length
    const wider = (old: Uint8Array) => {
      const grown = new Uint8Array(capacity)
      grown.set(old)
      return grown
    }
    this.hits = wider(this.hits)
    this.isMain = wider(this.isMain)
    this.isKnown = wider(this.isKnown)
    const size = new Int32Array(capacity)
    size.set(this.size)
    this.size = size
  }
}
