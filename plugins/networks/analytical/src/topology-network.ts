import { type CollectiveKind, type Network, type NetworkContext, ServesimError } from '@servesim/core'
import { AnalyticalNetwork } from './analytical-network.js'
import { type FabricOptions, stepLatencyUs } from './fabric-options.js'
import { linkClassOf } from './link-classes.js'
import { figuresOf, type NodeFigures, usableShare } from './node-figures.js'
import { evenDimensions, makeTopology, type Topology } from './topology.js'
import { busiestLink, lanesOf, stepsInside } from './topology-rings.js'
import { trafficBytes } from './traffic.js'

/** A price, and how long of it the links carry bytes. */
interface Parts {
  ns: number
  linkNs: number
}

function timed(latencyNs: number, linkNs: number): Parts {
  return { ns: latencyNs + linkNs, linkNs }
}

/** One after the other. */
function total(...parts: Parts[]): Parts {
  return { ns: parts.reduce((sum, { ns }) => sum + ns, 0), linkNs: parts.reduce((sum, { linkNs }) => sum + linkNs, 0) }
}

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
    return this.parts(collective, ranks, bytes).ns
  }

  collectiveLinkNs(collective: CollectiveKind, ranks: number, bytes: number): number {
    return this.parts(collective, ranks, bytes).linkNs
  }

  transferNs(bytes: number, betweenNodes = false): number {
    const { transferLatencyUs, interNode } = this.options
    if (betweenNodes) return (transferLatencyUs + interNode.latencyUs) * 1000 + bytes / this.portRate('a transfer between nodes')
    return transferLatencyUs * 1000 + bytes / this.known(this.figures.linkRate, 'a transfer', 'fabric.intraNode.bandwidthGBps')
  }

  private parts(collective: CollectiveKind, ranks: number, bytes: number): Parts {
    const inside = Math.min(ranks, this.context.devicesPerNode)
    const nodes = Math.ceil(ranks / inside)
    return nodes === 1 ? this.inside(collective, ranks, bytes) : this.across(collective, inside, nodes, bytes)
  }

  private inside(collective: CollectiveKind, ranks: number, bytes: number): Parts {
    if (ranks === 1) return { ns: 0, linkNs: 0 }
    const { measured } = this
    if (measured !== undefined && ranks <= measuredRanks) {
      return { ns: measured.collectiveNs(collective, ranks, bytes), linkNs: measured.collectiveLinkNs(collective, ranks, bytes) }
    }
    const { collectiveLatencyUs, intraNode } = this.options
    const rate = this.known(this.figures.linkRate, `${collective} of ${ranks} ranks`, 'fabric.intraNode.bandwidthGBps')
    const steps = stepsInside(this.topology, collective, ranks)
    const linkBytes =
      collective === 'all-to-all'
        ? (busiestLink(this.topology, ranks) * bytes) / ranks
        : trafficBytes(collective, ranks, bytes) / lanesOf(this.topology, ranks)
    return timed((collectiveLatencyUs + steps * (intraNode.latencyUs ?? stepLatencyUs)) * 1000, linkBytes / rate)
  }

  /** @param bytes as the collective counts them, of `inside` × `nodes` ranks */
  private across(collective: CollectiveKind, inside: number, nodes: number, bytes: number): Parts {
    // Where nobody shares the node no part inside brings the collective's own latency along.
    const alone = timed(inside === 1 ? this.options.collectiveLatencyUs * 1000 : 0, 0)
    switch (collective) {
      case 'all-reduce': {
        const part = bytes / inside
        const between = this.between('all-reduce', nodes, part, 2 * (nodes - 1))
        return total(alone, this.inside('reduce-scatter', inside, part), between, this.inside('all-gather', inside, part))
      }
      case 'all-gather':
      case 'reduce-scatter':
        return total(alone, this.inside(collective, inside, nodes * bytes), this.between(collective, nodes, bytes, nodes - 1))
      case 'all-to-all': {
        // Both go on at once. Where nodes are no switch, each pair of them has links to share.
        const within = this.inside(collective, inside, bytes / nodes)
        const detour = timed(0, this.detourNs(inside, nodes, bytes))
        const across = total(alone, this.between(collective, nodes, bytes, nodes - 1), detour)
        return within.ns > across.ns ? within : across
      }
    }
  }

  /** Equal ranks of the nodes, each over its own port. */
  private between(collective: CollectiveKind, nodes: number, bytes: number, steps: number): Parts {
    const rate = this.portRate(`${collective} of ${nodes} nodes`)
    return timed(steps * this.options.interNode.latencyUs * 1000, trafficBytes(collective, nodes, bytes) / rate)
  }

  private portRate(what: string): number {
    const { portRate, hostRate } = this.figures
    const port = this.known(portRate, what, 'fabric.interNode.bandwidthGBps')
    return hostRate > 0 ? Math.min(port, hostRate) : port
  }

  /** What an all-to-all takes longer where messages between nodes cross others' links than its ports alone would need. */
  private detourNs(inside: number, nodes: number, bytes: number): number {
    const { topology, dimensions } = this.options.interNode
    if (topology === 'switch') return 0
    const places = topology === 'torus' ? (dimensions ?? evenDimensions(nodes, 2)) : []
    const joined = makeTopology(topology, nodes, places)
    const { portRate } = this.figures
    const linkBytes = (busiestLink(joined, nodes) * inside * bytes) / nodes
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
