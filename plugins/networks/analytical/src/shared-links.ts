import type { Fabric, FabricContext, FabricPlan, LinkUsage } from '@servesim/core'
import { ClusterLinks } from './cluster-links.js'
import { CollectiveLinks } from './collective-links.js'
import type { FabricOptions } from './fabric-options.js'
import { Flows } from './flows.js'
import { TopologyNetwork } from './topology-network.js'

/** The cluster's links, shared max-min fairly by what flows over them. */
export function sharedLinks(options: FabricOptions): FabricPlan {
  return {
    network: (context) => new TopologyNetwork(options, context),
    build: (context) => new SharedLinks(options, context),
  }
}

class SharedLinks implements Fabric {
  readonly assumptions: readonly string[]
  private readonly links: ClusterLinks
  private readonly flows: Flows
  private readonly meeting: CollectiveLinks | undefined

  constructor(options: FabricOptions, { placement, pools, setAlarm, onAlarm, ended, crowded }: FabricContext) {
    this.links = new ClusterLinks(placement, pools, options)
    // Where no pool has collectives nothing can meet.
    this.meeting = pools.some(({ collectiveRanks }) => collectiveRanks > 1)
      ? new CollectiveLinks(
          this.links.capacities,
          (source, target, links) => this.links.way(source, target, links),
          placement,
          pools,
          crowded,
        )
      : undefined
    this.flows = new Flows(this.links, setAlarm, ended, this.meeting)
    onAlarm((nowNs) => this.flows.wake(nowNs))
    this.assumptions = this.links.describe()
  }

  start(flow: number, source: number, target: number, bytes: number, fromNs: number, toNs: number, chunks: number, nowNs: number): void {
    this.flows.start(flow, source, target, bytes, fromNs, toNs, chunks, nowNs)
  }

  cancel(flow: number, nowNs: number): void {
    this.flows.cancel(flow, nowNs)
  }

  estimateNs(source: number, target: number, bytes: number, nowNs: number): number {
    return this.flows.estimateNs(source, target, bytes, nowNs)
  }

  rate(flow: number, nowNs: number): number {
    return this.flows.rate(flow, nowNs)
  }

  load(replica: number, share: number, nowNs: number): void {
    this.meeting?.load(replica, share, (link, rate) => this.flows.setRate(link, rate, nowNs))
  }

  usage(nowNs: number): LinkUsage[] {
    return this.links.usage(this.flows.carried(nowNs), nowNs)
  }
}
