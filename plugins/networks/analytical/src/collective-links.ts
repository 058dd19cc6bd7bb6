import type { FabricPool, Placement } from '@servesim/core'
import type { Meeting } from './flows.js'

/** Flows keep at least this share of a link that collectives never leave: what one of two gets that share it. */
const leastShare = 0.5

/** Links on the way between two endpoints, written from index 0 on. @returns how many */
export type Way = (source: number, target: number, links: Int32Array) => number

/** Replicas whose ranks exchange data with each other: one, or several that share experts. */
interface Group {
  first: number
  count: number
  links: readonly number[]
}

/**
 * Where flows and collectives meet: on the links between ranks that exchange data. A flow finds such a link less what collectives take of it
 * on average; a replica is told how many flows are on the busiest of its links.
 */
export class CollectiveLinks implements Meeting {
  private readonly groups: readonly Group[]
  private readonly groupOf: Int32Array
  /** Links of group g: entries from `firstLink[g]` to `firstLink[g + 1]`; likewise the groups of a link. */
  private readonly links: Int32Array
  private readonly firstLink: Int32Array
  private readonly users: Int32Array
  private readonly firstUser: Int32Array
  /** By group: share of the time that its collectives keep links busy, and flows on the busiest of them. */
  private readonly shares: Float64Array
  private readonly flows: Int32Array
  /** Groups on whose links something changed. */
  private readonly marked: Uint8Array
  private readonly changedGroups: Int32Array
  private changedCount = 0

  constructor(
    private readonly capacities: Float64Array,
    way: Way,
    placement: Placement,
    pools: readonly FabricPool[],
    private readonly crowded: (replica: number, flows: number, nowNs: number) => void,
  ) {
    const groups = groupsOf(placement, pools, way, new Int32Array(capacities.length))
    this.groups = groups
    this.groupOf = Int32Array.from(groups.flatMap(({ count }, group) => Array.from({ length: count }, () => group)))
    this.firstLink = offsets(groups.map(({ links }) => links.length))
    this.links = Int32Array.from(groups.flatMap(({ links }) => links))
    const users: number[][] = Array.from(capacities, () => [])
    for (const [group, { links }] of groups.entries()) for (const link of links) users[link]!.push(group)
    this.firstUser = offsets(users.map(({ length }) => length))
    this.users = Int32Array.from(users.flat())
    this.shares = new Float64Array(groups.length)
    this.flows = new Int32Array(groups.length)
    this.marked = new Uint8Array(groups.length)
    this.changedGroups = new Int32Array(groups.length)
  }

  changed(link: number): void {
    for (let i = this.firstUser[link]!; i < this.firstUser[link + 1]!; i++) {
      const group = this.users[i]!
      if (this.marked[group] === 1) continue
      this.marked[group] = 1
      this.changedGroups[this.changedCount++] = group
    }
  }

  settle(flowsOn: (link: number) => number, nowNs: number): void {
    for (let i = 0; i < this.changedCount; i++) {
      const group = this.changedGroups[i]!
      this.marked[group] = 0
      let most = 0
      for (let at = this.firstLink[group]!; at < this.firstLink[group + 1]!; at++) most = Math.max(most, flowsOn(this.links[at]!))
      if (most === this.flows[group]) continue
      this.flows[group] = most
      const { first, count } = this.groups[group]!
      for (let replica = first; replica < first + count; replica++) this.crowded(replica, most, nowNs)
    }
    this.changedCount = 0
  }

  /**
   * Collectives of a replica take another share of its links; those of a group are the same ones.
   * @param setRate told what is left of a link for flows
   */
  load(replica: number, share: number, setRate: (link: number, rate: number) => void): void {
    const group = this.groupOf[replica]!
    if (this.shares[group] === share) return
    this.shares[group] = share
    for (let at = this.firstLink[group]!; at < this.firstLink[group + 1]!; at++) {
      const link = this.links[at]!
      let taken = 0
      for (let i = this.firstUser[link]!; i < this.firstUser[link + 1]!; i++) taken += this.shares[this.users[i]!]!
      setRate(link, this.capacities[link]! * Math.max(leastShare, 1 - taken))
    }
  }
}

/** In the order of replicas. Ranks that exchange data are blocks of neighbours, counted from the pool's first. */
function groupsOf(placement: Placement, pools: readonly FabricPool[], way: Way, into: Int32Array): Group[] {
  const groups: Group[] = []
  for (let first = 0; first < placement.replicaCount; first += groups.at(-1)!.count) {
    const { collectiveRanks } = pools[placement.poolOf(first)]!
    const ranks = placement.ranksOf(first)
    const count = Math.max(1, Math.ceil(collectiveRanks / ranks))
    const links = new Set<number>()
    const base = placement.rank(first, 0)
    for (let own = 0; own < count * ranks; own++) {
      const block = own - (own % collectiveRanks)
      for (let peer = block; peer < block + collectiveRanks; peer++) {
        for (const link of into.subarray(0, way(base + own, base + peer, into))) links.add(link)
      }
    }
    groups.push({ first, count, links: [...links] })
  }
  return groups
}

function offsets(counts: readonly number[]): Int32Array {
  const from = new Int32Array(counts.length + 1)
  for (const [i, count] of counts.entries()) from[i + 1] = from[i]! + count
  return from
}
