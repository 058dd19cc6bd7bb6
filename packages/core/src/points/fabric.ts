import type { DeviceSpec } from './device.js'
import type { Network, NetworkContext } from './network.js'
import { definePoint } from './point.js'
import type { Provider } from './provider.js'

/** Where ranks and hosts stand, and the small integers by which flows name them. */
export interface Placement {
  readonly replicaCount: number
  readonly nodeCount: number
  /** Endpoints: the ranks of replica 0, of replica 1, …, then the memories of all hosts. */
  readonly endpointCount: number
  readonly rankCount: number
  /** @param rank `stage × tensor + tensor rank` of the replica; tensor-parallel ranks are neighbours */
  rank(replica: number, rank: number): number
  /** Memory of the host that this rank's device hangs on. */
  host(replica: number, rank: number): number
  ranksOf(replica: number): number
  /** Replicas of a pool are neighbours. */
  poolOf(replica: number): number
  /** Replica of a rank's endpoint; −1 for a host. */
  replicaOf(endpoint: number): number
  nodeOf(endpoint: number): number
  /** Which device of its node a rank's endpoint is, or which of its hosts a host's is. */
  localOf(endpoint: number): number
  readonly nodes: readonly PlacedNode[]
}

/** A machine, or devices that one fast network joins. */
export interface PlacedNode {
  /** Pool whose replicas came first. */
  readonly pool: number
  readonly devices: number
  readonly hosts: number
}

/** Bytes that links of one kind have carried. */
export interface LinkUsage {
  /** Such as `between nodes`, `host memory`. */
  readonly name: string
  readonly links: number
  readonly bytes: number
  /** Busiest link of the kind: bytes ÷ what it could have carried since the start, 0–1. */
  readonly busiestShare: number
}

/** The cluster's links: carries flows between ranks and hosts. Core names flows by small integers, which it uses again. */
export interface Fabric {
  readonly assumptions: readonly string[]
  /**
   * A flow begins. Its first byte exists from `fromNs` on and the last at `toNs`; in between they come in `chunks` equal pieces. It reports
   * its end through `FabricContext.ended`, at an integer instant not before now or `toNs`.
   * @param flow not under way
   * @param bytes ≥ 0
   */
  start(flow: number, source: number, target: number, bytes: number, fromNs: number, toNs: number, chunks: number, nowNs: number): void
  /** The flow is over, its links are free for others from now on. It must be under way. */
  cancel(flow: number, nowNs: number): void
  /** @returns ns that a flow would take which starts now, were all others to go on as they do */
  estimateNs(source: number, target: number, bytes: number, nowNs: number): number
  /** @returns bytes per ns that the flow moves at now; 0 where it waits for its first byte */
  rate(flow: number, nowNs: number): number
  /**
   * Collectives keep the links of a replica's ranks busy for this share of the time, on average, from now on. Absent: flows and collectives
   * do not meet.
   * @param share 0–1
   */
  load?(replica: number, share: number, nowNs: number): void
  usage(nowNs: number): LinkUsage[]
}

/** What a fabric's provider builds: prices of collectives when a pool asks, flows once all pools stand. */
export interface FabricPlan {
  /** Prices collectives on these links, for pools that name no network. */
  network(context: NetworkContext & { devicesPerNode: number }): Network
  /** @throws ServesimError where a link is needed that nothing is known about */
  build(context: FabricContext): Fabric
}

export interface FabricPool {
  readonly name: string
  readonly device: DeviceSpec
  /** Ranks that exchange data in collectives, neighbours: of one replica, or of several that share experts. 1: none. */
  readonly collectiveRanks: number
}

export interface FabricContext {
  placement: Placement
  /** By index in the scenario. */
  pools: readonly FabricPool[]
  /** Sets the instant at which `wake` is called next, in place of the one set before; Infinity: none. */
  setAlarm(timeNs: number): void
  /** Core calls what is set here when the alarm is due. */
  onAlarm(wake: (nowNs: number) => void): void
  /** A flow has carried everything. To be called from within `wake` only; what comes of it may start and cancel flows. */
  ended(flow: number, nowNs: number): void
  /** So many flows are on the busiest of the links that the replica's collectives use, from now on. To be called from within `wake` only. */
  crowded(replica: number, flows: number, nowNs: number): void
}

export const fabric = definePoint<Provider<FabricPlan, { path: string }>>({
  id: 'servesim/fabric',
  contract: 1,
  cardinality: 'named',
  scope: 'cluster',
})
