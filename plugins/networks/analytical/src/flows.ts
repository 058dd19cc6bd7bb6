import { EventQueue, Phase } from '@servesim/core'
import { grownFloats } from './grown.js'
import { MaxMin } from './max-min.js'

/** Links and their routes, as flows need to know them. */
export interface Links {
  /** Bytes per ns of each link. */
  readonly capacities: Float64Array
  /** Links that a route has at most. */
  readonly longestRoute: number
  /** Writes the links between two endpoints. @returns how many; 0 within an endpoint */
  route(source: number, target: number, links: Int32Array): number
  /** ns between the start of a transfer and its first byte's arrival. */
  latencyNs(source: number, target: number): number
}

/** What else is on the links. */
export interface Meeting {
  /** A flow came to the link, or left it. */
  changed(link: number): void
  /** All that changed at this instant has; called within `wake`. */
  settle(flowsOn: (link: number) => number, nowNs: number): void
}

/** How a flow stands: not begun, held to the pace at which its bytes come into being, or as fast as its share allows. */
const waiting = 1
const paced = 2
const free = 3

/**
 * Flows in time: when they begin, how fast they move, when they end. Bytes move continuously; what arrives can neither overtake what has
 * come into being nor exceed the flow's max-min share. Progress is written down only where a rate changes, so that a flow which shares
 * nothing with the others ends to the nanosecond as if it were alone.
 *
 * Bytes come in equal pieces between `fromNs` and `toNs`. What is sent follows the line below their staircase, with the last piece at
 * `toNs`: where the rate is constant this ends at max(from + bytes ÷ rate, to + piece ÷ rate), as the staircase itself would.
 */
export class Flows {
  readonly sharing: MaxMin
  /** By link, of flows that have ended. */
  readonly carriedBytes: Float64Array
  private state = new Uint8Array(0)
  private bytes = new Float64Array(0)
  /** Still to be carried at `sinceNs`. */
  private remaining = new Float64Array(0)
  private sinceNs = new Float64Array(0)
  /** The line of what exists: from this instant at so many bytes per ns, until all exists. Latency is in both instants. */
  private fromNs = new Float64Array(0)
  private toNs = new Float64Array(0)
  private pace = new Float64Array(0)
  /** The next thing that happens to each flow by itself. */
  private readonly events = new EventQueue()
  private readonly links: Int32Array
  private nowNs = 0
  private waking = false
  private readonly flowsOn = (link: number): number => this.sharing.flowsOn(link)
  private readonly limitOf = (flow: number): number => this.limit(flow)

  /**
   * @param setAlarm sets the instant of the next `wake`
   * @param ended told of each end, from within `wake`
   * @param meeting told where flows enter and leave
   */
  constructor(
    private readonly topology: Links,
    private readonly setAlarm: (timeNs: number) => void,
    private readonly ended: (flow: number, nowNs: number) => void,
    private readonly meeting?: Meeting,
  ) {
    this.sharing = new MaxMin(topology.capacities.slice(), topology.longestRoute)
    this.carriedBytes = new Float64Array(topology.capacities.length)
    this.links = new Int32Array(topology.longestRoute)
  }

  start(slot: number, source: number, target: number, bytes: number, fromNs: number, toNs: number, chunks: number, nowNs: number): void {
    const flow = slot + 1
    if (flow >= this.state.length) this.grow(flow + 1)
    const latencyNs = this.topology.latencyNs(source, target)
    const lastPiece = bytes / chunks
    this.nowNs = nowNs
    this.bytes[flow] = bytes
    this.remaining[flow] = bytes
    this.fromNs[flow] = fromNs + latencyNs
    this.toNs[flow] = toNs + latencyNs
    this.pace[flow] = (bytes - lastPiece) / (toNs - fromNs)
    this.state[flow] = waiting
    const hops = this.topology.route(source, target, this.links)
    const beginsNs = Math.max(nowNs, fromNs) + latencyNs
    // Within an endpoint nothing needs carrying; what has no bytes needs none either.
    if (hops === 0 || bytes === 0) {
      this.sinceNs[flow] = Number.POSITIVE_INFINITY
      this.events.set(flow, Math.max(beginsNs, this.toNs[flow]!), Phase.complete)
    } else {
      this.sinceNs[flow] = beginsNs
      this.sharing.announce(flow, this.links, hops)
      this.events.set(flow, beginsNs, Phase.complete)
    }
    this.sleep()
  }

  cancel(slot: number, nowNs: number): void {
    const flow = slot + 1
    this.nowNs = nowNs
    this.events.remove(flow)
    if (this.state[flow]! > waiting) {
      this.advance(flow)
      this.leave(flow)
    }
    this.state[flow] = 0
    this.sleep()
  }

  /** Everything that is due by now happens. */
  wake(nowNs: number): void {
    this.nowNs = nowNs
    this.waking = true
    do {
      while (this.events.nextNs <= nowNs) this.happen(this.events.pop())
      this.rerate()
    } while (this.events.nextNs <= nowNs)
    this.meeting?.settle(this.flowsOn, nowNs)
    this.waking = false
    this.sleep()
  }

  estimateNs(source: number, target: number, bytes: number, nowNs: number): number {
    const latencyNs = this.topology.latencyNs(source, target)
    const hops = this.topology.route(source, target, this.links)
    if (hops === 0) return latencyNs
    this.nowNs = nowNs
    this.rerate()
    return latencyNs + Math.round(bytes / this.sharing.share(this.links, hops, 0, this.limitOf))
  }

  rate(slot: number, nowNs: number): number {
    this.nowNs = nowNs
    this.rerate()
    return this.state[slot + 1]! > waiting ? this.sharing.rates[slot + 1]! : 0
  }

  /** Bytes that a link has carried, of flows under way too. */
  carried(nowNs: number): Float64Array {
    this.nowNs = nowNs
    this.rerate()
    const carried = this.carriedBytes.slice()
    for (let flow = 1; flow < this.state.length; flow++) {
      if (this.state[flow]! <= waiting) continue
      const sent = this.bytes[flow]! - this.left(flow)
      for (let hop = 0; hop < this.sharing.hopsOf(flow); hop++) carried[this.sharing.linkOf(flow, hop)]! += sent
    }
    return carried
  }

  /** The alarm of what comes next; at once where rates have to be found anew. */
  private sleep(): void {
    if (!this.waking) this.setAlarm(this.sharing.dirty ? this.nowNs : this.events.nextNs)
  }

  private happen(flow: number): void {
    const { nowNs } = this
    if (this.state[flow] === waiting) {
      if (this.sinceNs[flow] === Number.POSITIVE_INFINITY) {
        this.end(flow)
        return
      }
      this.state[flow] = free
      this.sinceNs[flow] = nowNs
      this.sharing.enter(flow)
      this.tell(flow)
      return
    }
    // Whatever is left moves within a nanosecond: the end was rounded to here.
    if (this.left(flow) <= this.sharing.rates[flow]! && nowNs >= this.toNs[flow]!) {
      this.remaining[flow] = 0
      this.leave(flow)
      this.end(flow)
      return
    }
    // It has caught up with what exists, or now all of it exists.
    this.sharing.touch(flow)
  }

  private end(flow: number): void {
    this.state[flow] = 0
    this.ended(flow - 1, this.nowNs)
  }

  private leave(flow: number): void {
    const sent = this.bytes[flow]! - this.remaining[flow]!
    for (let hop = 0; hop < this.sharing.hopsOf(flow); hop++) this.carriedBytes[this.sharing.linkOf(flow, hop)]! += sent
    this.sharing.remove(flow)
    this.tell(flow)
  }

  private tell(flow: number): void {
    if (this.meeting === undefined) return
    for (let hop = 0; hop < this.sharing.hopsOf(flow); hop++) this.meeting.changed(this.sharing.linkOf(flow, hop))
  }

  /** So much of a link is left for flows from now on, bytes per ns. */
  setRate(link: number, rate: number, nowNs: number): void {
    this.nowNs = nowNs
    this.sharing.setCapacity(link, rate)
    if (this.sharing.dirty) this.sleep()
  }

  /** Bytes still to be carried now. */
  private left(flow: number): number {
    return Math.max(0, this.remaining[flow]! - this.sharing.rates[flow]! * (this.nowNs - this.sinceNs[flow]!))
  }

  private advance(flow: number): void {
    this.remaining[flow] = this.left(flow)
    this.sinceNs[flow] = this.nowNs
  }

  /** Bytes that exist and have not been carried. */
  private backlog(flow: number): number {
    const { nowNs } = this
    const left = this.left(flow)
    if (nowNs >= this.toNs[flow]!) return left
    return Math.max(0, this.pace[flow]! * (nowNs - this.fromNs[flow]!)) - (this.bytes[flow]! - left)
  }

  /** What has caught up with the bytes that exist, to within a nanosecond, can go no faster than they come. */
  private limit(flow: number): number {
    if (this.nowNs >= this.toNs[flow]! || this.backlog(flow) > Math.max(this.sharing.rates[flow]!, this.pace[flow]!)) {
      this.state[flow] = free
      return Number.POSITIVE_INFINITY
    }
    this.state[flow] = paced
    return this.pace[flow]!
  }

  private rerate(): void {
    const { sharing } = this
    if (!sharing.dirty) return
    sharing.rate(this.limitOf)
    for (let i = 0; i < sharing.reachedCount; i++) {
      const flow = sharing.reached[i]!
      if (sharing.found[flow] !== sharing.rates[flow]) {
        this.advance(flow)
        sharing.rates[flow] = sharing.found[flow]!
      }
      this.schedule(flow)
    }
  }

  private schedule(flow: number): void {
    const { nowNs } = this
    const rate = this.sharing.rates[flow]!
    const toNs = this.toNs[flow]!
    const pace = this.pace[flow]!
    let nextNs = Math.max(toNs, this.sinceNs[flow]! + Math.round(this.remaining[flow]! / rate))
    if (this.state[flow] === paced) nextNs = toNs
    else if (nowNs < toNs && rate > pace) {
      // Not a nanosecond late: what does not exist yet is never sent.
      const caughtUpNs = Math.floor(nowNs + this.backlog(flow) / (rate - pace))
      if (caughtUpNs < toNs) nextNs = Math.max(nowNs, caughtUpNs)
    }
    this.events.set(flow, nextNs, Phase.complete)
  }

  private grow(flows: number): void {
    const size = Math.max(16, 2 * this.state.length, flows)
    const state = new Uint8Array(size)
    state.set(this.state)
    this.state = state
    for (const key of ['bytes', 'remaining', 'sinceNs', 'fromNs', 'toNs', 'pace'] as const) this[key] = grownFloats(this[key], size)
  }
}
