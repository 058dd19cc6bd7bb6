import type { PlacedNode, Placement } from './points/fabric.js'

/** What placing needs of a pool. */
export interface PlacedPool {
  /** Replicas, and devices of each. */
  count: number
  ranks: number
  /** Nodes are shared with an earlier pool of the same device and shape only. */
  device: string
  devicesPerNode: number
  hostsPerNode: number
  sharesNodes: boolean
}

interface OpenNode {
  index: number
  used: number
  shape: string
}

/**
 * Replicas fill nodes in the order written. One that does not fit into what is left of a node begins a new one; one that is larger than a
 * node takes as many as it needs, and what it leaves of its last node is filled by others.
 */
export function placeReplicas(pools: readonly PlacedPool[]): Placement {
  const firstRank = [0]
  const nodeOfRank: number[] = []
  const localOfRank: number[] = []
  const replicaOfRank: number[] = []
  const nodes: PlacedNode[] = []
  let open: OpenNode | undefined
  for (const [index, pool] of pools.entries()) {
    const { devicesPerNode, hostsPerNode } = pool
    const shape = JSON.stringify([pool.device, devicesPerNode, hostsPerNode])
    const begin = (): OpenNode => ({ index: nodes.push({ pool: index, devices: devicesPerNode, hosts: hostsPerNode }) - 1, used: 0, shape })
    if (!pool.sharesNodes || open?.shape !== shape) open = undefined
    for (let i = 0; i < pool.count; i++) {
      const replica = firstRank.length - 1
      if (open === undefined || open.used + pool.ranks > devicesPerNode) open = begin()
      for (let rank = 0; rank < pool.ranks; rank++) {
        if (open.used === devicesPerNode) open = begin()
        nodeOfRank.push(open.index)
        localOfRank.push(open.used++)
        replicaOfRank.push(replica)
      }
      firstRank.push(nodeOfRank.length)
    }
    if (!pool.sharesNodes) open = undefined
  }
  const poolOfReplica = pools.flatMap(({ count }, pool) => Array.from({ length: count }, () => pool))
  return new Placed(firstRank, nodeOfRank, localOfRank, replicaOfRank, poolOfReplica, nodes)
}

class Placed implements Placement {
  readonly rankCount: number
  readonly endpointCount: number
  private readonly firstHost: number[] = []
  private readonly nodeOfHost: number[] = []

  constructor(
    private readonly firstRank: readonly number[],
    private readonly nodeOfRank: readonly number[],
    private readonly localOfRank: readonly number[],
    private readonly replicaOfRank: readonly number[],
    private readonly poolOfReplica: readonly number[],
    readonly nodes: readonly PlacedNode[],
  ) {
    this.rankCount = nodeOfRank.length
    let host = this.rankCount
    for (const [node, { hosts }] of nodes.entries()) {
      this.firstHost.push(host)
      for (let i = 0; i < hosts; i++) this.nodeOfHost.push(node)
      host += hosts
    }
    this.endpointCount = host
  }

  get replicaCount(): number {
    return this.firstRank.length - 1
  }

  get nodeCount(): number {
    return this.nodes.length
  }

  rank(replica: number, rank: number): number {
    return this.firstRank[replica]! + rank
  }

  ranksOf(replica: number): number {
    return this.firstRank[replica + 1]! - this.firstRank[replica]!
  }

  host(replica: number, rank: number): number {
    const endpoint = this.rank(replica, rank)
    const node = this.nodeOfRank[endpoint]!
    const { devices, hosts } = this.nodes[node]!
    return this.firstHost[node]! + Math.floor((this.localOfRank[endpoint]! * hosts) / devices)
  }

  poolOf(replica: number): number {
    return this.poolOfReplica[replica]!
  }

  replicaOf(endpoint: number): number {
    return endpoint < this.rankCount ? this.replicaOfRank[endpoint]! : -1
  }

  nodeOf(endpoint: number): number {
    return endpoint < this.rankCount ? this.nodeOfRank[endpoint]! : this.nodeOfHost[endpoint - this.rankCount]!
  }

  localOf(endpoint: number): number {
    return endpoint < this.rankCount ? this.localOfRank[endpoint]! : endpoint - this.firstHost[this.nodeOf(endpoint)]!
  }
}
