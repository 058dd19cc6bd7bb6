import { EventQueue, Phase } from '@servesim/core'
import { grownFloats, grownInts } from './grown.js'

/**
 * Rates of flows that share links max-min fairly: none can be raised without lowering one that is not higher (Bertsekas and Gallager,
 * Data Networks, 1987, §6.5.2). They are found by filling: all rise alike until a link is full or a flow reaches its own limit; what
 * is on that link stays, the rest goes on rising.
 *
 * A change touches its links; `rate` then looks at the flows that hang together with them over shared links, and at no others. Rates
 * depend on which flows there are and not on the order in which they came. Flat arrays, nothing allocated per flow.
 */
export class MaxMin {
  /** By flow, bytes per ns. */
  rates = new Float64Array(0)
  /** What `rate` looked at last: the first `reachedCount` entries. Rates of those just found, by flow, not yet in force. */
  reached = new Int32Array(0)
  reachedCount = 0
  found = new Float64Array(0)
  private hops = new Int32Array(0)
  /** Links of flow f, from f × stride on; and per entry its neighbours in the link's list. */
  private route = new Int32Array(0)
  private next = new Int32Array(0)
  private previous = new Int32Array(0)
  private readonly head: Int32Array
  private readonly count: Int32Array
  private readonly touched: Int32Array
  private touchedCount = 0
  /** Marks of what the search has seen, and of which flows are settled. */
  private stamp = 0
  private readonly linkStamp: Float64Array
  private flowStamp = new Float64Array(0)
  private settledStamp = new Float64Array(0)
  private readonly stack: Int32Array
  private readonly left: Float64Array
  private readonly unsettled: Int32Array
  /** Links by the share that each flow on them would get, behind them flows by their own limit. */
  private readonly levels = new EventQueue()

  /**
   * @param capacities by link, bytes per ns, > 0; kept, and changed by `setCapacity`
   * @param stride links that a route has at most
   */
  constructor(
    private readonly capacities: Float64Array,
    private readonly stride: number,
  ) {
    const links = capacities.length
    this.head = new Int32Array(links).fill(-1)
    this.count = new Int32Array(links)
    this.touched = new Int32Array(links)
    this.linkStamp = new Float64Array(links)
    this.stack = new Int32Array(links)
    this.left = new Float64Array(links)
    this.unsettled = new Int32Array(links)
  }

  /** Keeps a flow's route until it enters. @param links distinct; the first `hops` entries, ≥ 1 and ≤ stride */
  announce(flow: number, links: Int32Array, hops: number): void {
    if (flow >= this.hops.length) this.grow(flow + 1)
    this.hops[flow] = hops
    this.rates[flow] = 0
    for (let h = 0; h < hops; h++) this.route[flow * this.stride + h] = links[h]!
  }

  /** An announced flow is on its links from now on. */
  enter(flow: number): void {
    for (let h = 0, entry = flow * this.stride; h < this.hops[flow]!; h++, entry++) {
      const link = this.route[entry]!
      const first = this.head[link]!
      this.next[entry] = first
      this.previous[entry] = -1
      if (first >= 0) this.previous[first] = entry
      this.head[link] = entry
      this.count[link]!++
    }
    this.touch(flow)
  }

  remove(flow: number): void {
    this.touch(flow)
    const { next, previous, head } = this
    for (let h = 0, entry = flow * this.stride; h < this.hops[flow]!; h++, entry++) {
      const link = this.route[entry]!
      const before = previous[entry]!
      const after = next[entry]!
      if (before < 0) head[link] = after
      else next[before] = after
      if (after >= 0) previous[after] = before
      this.count[link]!--
    }
    this.rates[flow] = 0
  }

  /** What is on the flow's links is rated anew. */
  touch(flow: number): void {
    for (let h = 0; h < this.hops[flow]!; h++) this.touchLink(this.route[flow * this.stride + h]!)
  }

  private touchLink(link: number): void {
    // A stamp ahead of the search's marks what waits for it.
    if (this.linkStamp[link] === this.stamp + 0.5) return
    this.linkStamp[link] = this.stamp + 0.5
    this.touched[this.touchedCount++] = link
  }

  get dirty(): boolean {
    return this.touchedCount > 0
  }

  setCapacity(link: number, rate: number): void {
    if (this.capacities[link] === rate) return
    this.capacities[link] = rate
    if (this.count[link]! > 0) this.touchLink(link)
  }

  /** Flows on a link. */
  flowsOn(link: number): number {
    return this.count[link]!
  }

  hopsOf(flow: number): number {
    return this.hops[flow]!
  }

  linkOf(flow: number, hop: number): number {
    return this.route[flow * this.stride + hop]!
  }

  /**
   * Finds the rates of all flows that hang together with what was touched, into `found`.
   * @param limits by flow: bytes per ns that it can use at most; asked once for each
   */
  rate(limits: (flow: number) => number): void {
    this.reach()
    this.fill(limits)
  }

  /** The rate that one more flow would get on these links, all else as it is. Nothing may be touched. */
  share(links: Int32Array, hops: number, spare: number, limits: (flow: number) => number): number {
    this.announce(spare, links, hops)
    this.enter(spare)
    this.rate((flow) => (flow === spare ? Number.POSITIVE_INFINITY : limits(flow)))
    const share = this.found[spare]!
    this.remove(spare)
    this.touchedCount = 0
    this.stamp++
    return share
  }

  /** Links and flows that hang together with what was touched. */
  private reach(): void {
    const { stack, linkStamp, flowStamp, route, next, head, stride, unsettled, left } = this
    const stamp = ++this.stamp
    let depth = this.touchedCount
    this.touchedCount = 0
    this.reachedCount = 0
    for (let i = 0; i < depth; i++) {
      stack[i] = this.touched[i]!
      linkStamp[stack[i]!] = stamp
    }
    while (depth > 0) {
      const link = stack[--depth]!
      const flows = this.count[link]!
      if (flows === 0) continue
      unsettled[link] = flows
      left[link] = this.capacities[link]!
      this.levels.set(link, left[link]! / flows, Phase.complete)
      for (let entry = head[link]!; entry >= 0; entry = next[entry]!) {
        const flow = Math.floor(entry / stride)
        if (flowStamp[flow] === stamp) continue
        flowStamp[flow] = stamp
        this.reached[this.reachedCount++] = flow
        for (let h = 0, at = flow * stride; h < this.hops[flow]!; h++, at++) {
          const other = route[at]!
          if (linkStamp[other] === stamp) continue
          linkStamp[other] = stamp
          stack[depth++] = other
        }
      }
    }
  }

  private fill(limits: (flow: number) => number): void {
    const { levels, left, unsettled, head, next, stride, settledStamp, stamp } = this
    const links = this.capacities.length
    for (let i = 0; i < this.reachedCount; i++) {
      const flow = this.reached[i]!
      const limit = limits(flow)
      if (limit !== Number.POSITIVE_INFINITY) levels.set(links + flow, limit, Phase.complete)
    }
    while (levels.length > 0) {
      const levelNow = levels.nextNs
      const lowest = levels.pop()
      if (lowest >= links) {
        const flow = lowest - links
        if (settledStamp[flow] !== stamp) this.settle(flow, levelNow)
        continue
      }
      if (unsettled[lowest] === 0) continue
      // Flows that were settled since left more for the others: the level of a link only rises.
      const level = Math.max(0, left[lowest]!) / unsettled[lowest]!
      if (level > levelNow) {
        levels.set(lowest, level, Phase.complete)
        continue
      }
      for (let entry = head[lowest]!; entry >= 0; entry = next[entry]!) {
        const flow = Math.floor(entry / stride)
        if (settledStamp[flow] !== stamp) this.settle(flow, level)
      }
    }
  }

  private settle(flow: number, rate: number): void {
    this.settledStamp[flow] = this.stamp
    this.found[flow] = rate
    for (let h = 0, entry = flow * this.stride; h < this.hops[flow]!; h++, entry++) {
      const link = this.route[entry]!
      this.left[link]! -= rate
      this.unsettled[link]!--
    }
  }

  private grow(flows: number): void {
    const size = Math.max(16, 2 * this.hops.length, flows)
    this.rates = grownFloats(this.rates, size)
    this.found = grownFloats(this.found, size)
    this.reached = grownInts(this.reached, size)
    this.hops = grownInts(this.hops, size)
    this.route = grownInts(this.route, size * this.stride)
    this.next = grownInts(this.next, size * this.stride)
    this.previous = grownInts(this.previous, size * this.stride)
    this.flowStamp = grownFloats(this.flowStamp, size)
    this.settledStamp = grownFloats(this.settledStamp, size)
  }
}
