import { type CollectiveKind, type Network, type NetworkContext, ServesimError } from '@servesim/core'
import { AnalyticalNetwork } from './analytical-network.js'
import { type FabricOptions, stepLatencyUs } from './fabric-options.js'
import { linkClassOf } from './link-classes.js'
import { figuresOf, type NodeFigures, usableShare } from './node-figures.js'
import { evenDimensions, makeTopology, type Topology } from './topology.js'
import { busiestLink, lanesOf, stepsInside } from './topology-rings.js'
import { trafficBytes } from './traffic.js'

/** Measured figures reach to so many devices of a node. */
const measuredRanks = 8

/**
 * Collectives on the links of a fabric. Among the devices of a node: as measured where these are a switch of a known class, else a
 * latency, a step's latency times the steps, and the bytes of the ring algorithms over all links that rings can use at once. Across nodes
 * in levels: reduce-scatter inside, exchange between equal ranks of the nodes, all-gather inside (reference: Thakur, Rabenseifner, Gropp
 * 2005; MPI and NCCL alike).
 */
export class TopologyNetwork implements Network {
  readonly reads = 'shape'
  readonly provenance: 'measured' | 'analytic'
  readonly assumptions: string[]
  private readonly figures: NodeFigures
  private readonly topology: Topology
  private readonly measured: AnalyticalNetwork | undefined

  constructor(
    private readonly options: FabricOptions,
    private readonly context: NetworkContext & { devicesPerNode: number },
  ) {
    const { device, devicesPerNode } = context
    const { bandwidthGBps, latencyUs } = options.intraNode
    this.figures = figuresOf(device, devicesPerNode, options)
    this.topology = makeTopology(this.figures.topology, devicesPerNode, this.figures.dimensions)
    const known = this.figures.topology === 'switch' && latencyUs === undefined && linkClassOf(device) !== undefined
    // Rates measured on links of the class scale with what a large copy reaches on these.
    const linkBytesPerSecond = bandwidthGBps === undefined ? undefined : (bandwidthGBps * 1e9) / usableShare(device.linkKind)
    const curve = bandwidthGBps === undefined ? 'auto' : 'never'
    this.measured = known ? new AnalyticalNetwork({ curve }, context, linkBytesPerSecond) : undefined
    this.provenance = this.measured?.provenance ?? 'analytic'
    this.assumptions = this.measured?.assumptions ?? [
      `Collectives: ring algorithms on a ${this.topology.name} of ${devicesPerNode} devices with ${Number(this.figures.linkRate.toPrecision(3))} GB/s a link.`,
    ]
  }

  collectiveNs(collective: CollectiveKind, ranks: number, bytes: number): number {
    const inside = Math.min(ranks, this.context.devicesPerNode)
    const nodes = Math.ceil(ranks / inside)
    return nodes === 1 ? this.insideNs(collective, ranks, bytes) : this.acrossNs(collective, inside, nodes, bytes)
  }

  transferNs(bytes: number): number {
    return this.options.transferLatencyUs * 1000 + bytes / this.known(this.figures.linkRate, 'a transfer', 'fabric.intraNode.bandwidthGBps')
  }

  private insideNs(collective: CollectiveKind, ranks: number, bytes: number): number {
    if (ranks === 1) return 0
    if (this.measured !== undefined && ranks <= measuredRanks) return this.measured.collectiveNs(collective, ranks, bytes)
    const { collectiveLatencyUs, intraNode } = this.options
    const { linkRate } = this.figures
    const rate = this.known(linkRate, `${collective} of ${ranks} ranks`, 'fabric.intraNode.bandwidthGBps')
    const steps = stepsInside(this.topology, collective, ranks)
    const linkBytes =
      collective === 'all-to-all'
        ? (busiestLink(this.topology, ranks) * bytes) / ranks
        : trafficBytes(collective, ranks, bytes) / lanesOf(this.topology, ranks)
    return (collectiveLatencyUs + steps * (intraNode.latencyUs ?? stepLatencyUs)) * 1000 + linkBytes / rate
  }

  /** @param bytes as the collective counts them, of `inside` × `nodes` ranks */
  private acrossNs(collective: CollectiveKind, inside: number, nodes: number, bytes: number): number {
    const ranks = inside * nodes
    // Nobody shares the node: its own latency, where no part inside brings one along.
    const aloneNs = inside === 1 ? this.options.collectiveLatencyUs * 1000 : 0
    switch (collective) {
      case 'all-reduce': {
        const part = bytes / inside
        const parts = this.insideNs('reduce-scatter', inside, part) + this.insideNs('all-gather', inside, part)
        return aloneNs + parts + this.betweenNs('all-reduce', nodes, part, 2 * (nodes - 1))
      }
      case 'all-gather':
      case 'reduce-scatter':
        return aloneNs + this.insideNs(collective, inside, nodes * bytes) + this.betweenNs(collective, nodes, bytes, nodes - 1)
      case 'all-to-all': {
        // Both go on at once. Where nodes are no switch, each pair of them has links to share.
        const within = this.insideNs(collective, inside, (bytes * inside) / ranks)
        const across = this.betweenNs(collective, nodes, bytes, nodes - 1)
        return Math.max(within, aloneNs + across + this.detourNs(inside, nodes, bytes))
      }
    }
  }

  /** Equal ranks of the nodes, each over its own port. */
  private betweenNs(collective: CollectiveKind, nodes: number, bytes: number, steps: number): number {
    const { portRate, hostRate } = this.figures
    const port = this.known(portRate, `${collective} of ${nodes} nodes`, 'fabric.interNode.bandwidthGBps')
    const rate = hostRate > 0 ? Math.min(port, hostRate) : port
    return steps * this.options.interNode.latencyUs * 1000 + trafficBytes(collective, nodes, bytes) / rate
  }

  /** What an all-to-all takes longer where messages between nodes cross others' links than its ports alone would need. */
  private detourNs(inside: number, nodes: number, bytes: number): number {
    const { topology, dimensions } = this.options.interNode
    if (topology === 'switch') return 0
    const places = topology === 'torus' ? (dimensions ?? evenDimensions(nodes, 2)) : []
    const joined = makeTopology(topology, nodes, places)
    const { portRate } = this.figures
    const linkBytes = (busiestLink(joined, nodes) * inside * inside * bytes) / (inside * nodes)
    return Math.max(0, linkBytes / (portRate * this.context.devicesPerNode) - trafficBytes('all-to-all', nodes, bytes) / portRate)
  }

  private known(rate: number, what: string, option: string): number {
    if (rate > 0) return rate
    const { device, path } = this.context
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      path,
      `Nothing is known about ${what} over the links of "${device.name}" (${device.linkKind ?? 'no link'}).`,
      `State ${option}.`,
    )
  }
}
