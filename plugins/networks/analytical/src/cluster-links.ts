import { type FabricPool, type LinkUsage, type Placement, ServesimError } from '@servesim/core'
import { type FabricOptions, stepLatencyUs } from './fabric-options.js'
import type { Links } from './flows.js'
import { dimensionsOf, figuresOf, type NodeFigures } from './node-figures.js'
import { makeTopology, type Topology } from './topology.js'

/** What links are for; position in this list is their kind. */
const kinds = ['inside nodes', 'device to host', 'host memory', 'node ports', 'between nodes'] as const
type Kind = (typeof kinds)[number]

/** Options to state where a link's rate is unknown. */
const stated: Record<Kind, string> = {
  'inside nodes': 'fabric.intraNode.bandwidthGBps',
  'device to host': 'fabric.host.bandwidthGBps',
  'host memory': 'fabric.host.memoryGBps',
  'node ports': 'fabric.interNode.bandwidthGBps',
  'between nodes': 'fabric.interNode.bandwidthGBps',
}

interface Node extends NodeFigures {
  device: string
  between: Topology
  /** First link of each kind: of the topology, up to hosts and down from them, of hosts' memories, out of ports and into them. */
  inside: number
  up: number
  down: number
  memory: number
  out: number
  in: number
}

/**
 * All links of a cluster. A device reaches its peers over the links inside the node; its host, and the port through which it reaches
 * other nodes, over its link to the host (GPUDirect RDMA crosses it too). Hosts have ports of their own, as wide as those of their devices.
 */
export class ClusterLinks implements Links {
  readonly capacities: Float64Array
  readonly longestRoute: number
  readonly nodes: readonly Node[]
  private readonly kindOf: Kind[] = []
  private readonly between: Topology
  private readonly firstBetween: number

  constructor(
    private readonly placement: Placement,
    pools: readonly FabricPool[],
    private readonly options: FabricOptions,
  ) {
    const rates: number[] = []
    const add = (kind: Kind, count: number, rate: number): number => {
      for (let i = 0; i < count; i++) {
        rates.push(rate)
        this.kindOf.push(kind)
      }
      return rates.length - count
    }
    this.nodes = placement.nodes.map(({ pool, devices, hosts }) => {
      const { device } = pools[pool]!
      const figures = figuresOf(device, devices, options)
      const { hostIsLink, hostRate, portRate, linkRate } = figures
      const between = makeTopology(figures.topology, devices, figures.dimensions)
      const inside = add('inside nodes', between.linkCount, linkRate)
      const memory = add('host memory', hosts, options.host.memoryGBps)
      const hostPortRate = (portRate * devices) / hosts
      const out = add('node ports', devices, portRate)
      add('node ports', hosts, hostPortRate)
      const into = add('node ports', devices, portRate)
      add('node ports', hosts, hostPortRate)
      const up = hostIsLink ? inside : add('device to host', devices, hostRate)
      const down = hostIsLink ? inside + devices : add('device to host', devices, hostRate)
      return { ...figures, device: device.name, between, inside, up, down, memory, out, in: into }
    })
    this.between = this.joinNodes()
    this.firstBetween = rates.length
    if (this.between.name !== 'switch') add('between nodes', this.between.linkCount, this.slowestNode())
    this.capacities = Float64Array.from(rates)
    const insideLongest = Math.max(...this.nodes.map(({ between }) => between.longestRoute))
    this.longestRoute = Math.max(insideLongest, this.between.longestRoute + 4, 4)
  }

  private joinNodes(): Topology {
    const { topology, dimensions } = this.options.interNode
    const { nodeCount } = this.placement
    const path = 'fabric.interNode.dimensions'
    return makeTopology(topology, nodeCount, dimensionsOf(topology, nodeCount, dimensions, path, `${nodeCount} nodes`))
  }

  /** What joins two nodes carries what all devices of one can send. */
  private slowestNode(): number {
    return Math.min(...this.nodes.map(({ portRate }, node) => portRate * this.placement.nodes[node]!.devices))
  }

  route(source: number, target: number, links: Int32Array): number {
    const hops = this.way(source, target, links)
    for (let hop = 0; hop < hops; hop++) {
      if (!(this.capacities[links[hop]!]! > 0)) this.unknown(links[hop]!, this.placement.nodeOf(source))
    }
    return hops
  }

  /** As `route`, over links nothing is known about too. */
  way(source: number, target: number, links: Int32Array): number {
    if (source === target) return 0
    const { placement } = this
    const from = placement.nodeOf(source)
    const to = placement.nodeOf(target)
    return from === to ? this.wayInside(source, target, from, links) : this.wayBetween(source, target, from, to, links)
  }

  private wayInside(source: number, target: number, at: number, links: Int32Array): number {
    const { placement } = this
    const node = this.nodes[at]!
    const from = placement.localOf(source)
    const to = placement.localOf(target)
    if (source < placement.rankCount && target < placement.rankCount) return node.between.route(from, to, links, 0, node.inside)
    links[0] = source < placement.rankCount ? node.up + from : node.memory + from
    links[1] = target < placement.rankCount ? node.down + to : node.memory + to
    return 2
  }

  private wayBetween(source: number, target: number, from: number, to: number, links: Int32Array): number {
    const { placement } = this
    const { rankCount } = placement
    const sender = this.nodes[from]!
    const receiver = this.nodes[to]!
    let at = 0
    const local = placement.localOf(source)
    if (source >= rankCount) links[at++] = sender.memory + local
    else if (sender.hostRate > 0) links[at++] = sender.up + local
    links[at++] = sender.out + this.portOf(source, from)
    if (this.between.name !== 'switch') at = this.between.route(from, to, links, at, this.firstBetween)
    links[at++] = receiver.in + this.portOf(target, to)
    const remote = placement.localOf(target)
    if (target >= rankCount) links[at++] = receiver.memory + remote
    else if (receiver.hostRate > 0) links[at++] = receiver.down + remote
    return at
  }

  /** Ports of devices come first, then those of hosts. */
  private portOf(endpoint: number, node: number): number {
    const local = this.placement.localOf(endpoint)
    return endpoint < this.placement.rankCount ? local : this.placement.nodes[node]!.devices + local
  }

  latencyNs(source: number, target: number): number {
    const { placement, options } = this
    const from = placement.nodeOf(source)
    const to = placement.nodeOf(target)
    let us = source === target ? 0 : options.transferLatencyUs
    if (from !== to) us += options.interNode.latencyUs * this.between.hops(from, to)
    else if (source < placement.rankCount && target < placement.rankCount) {
      const hops = this.nodes[from]!.between.hops(placement.localOf(source), placement.localOf(target))
      us += (options.intraNode.latencyUs ?? stepLatencyUs) * Math.max(0, hops - 1)
    }
    return Math.round(us * 1000)
  }

  /** Bytes by kind of link, where there were any. */
  usage(carried: Float64Array, nowNs: number): LinkUsage[] {
    return kinds
      .map((name) => {
        let links = 0
        let bytes = 0
        let busiestShare = 0
        for (let link = 0; link < carried.length; link++) {
          if (this.kindOf[link] !== name) continue
          links++
          bytes += carried[link]!
          if (nowNs > 0) busiestShare = Math.max(busiestShare, carried[link]! / (this.capacities[link]! * nowNs))
        }
        return { name, links, bytes, busiestShare }
      })
      .filter(({ bytes }) => bytes > 0)
  }

  /** For the summary: rates of each device's links. */
  describe(): string[] {
    const { interNode, host } = this.options
    const sentences = this.nodes.map(({ device, topology, linkRate, hostIsLink, hostRate, portRate }) => {
      const rate = (perNs: number) => (perNs > 0 ? `${Number(perNs.toPrecision(3))} GB/s` : 'unknown rate')
      const toHost = hostIsLink ? 'the same to the host' : `${rate(hostRate)} to the host`
      return `Links of ${device}: ${topology} of ${rate(linkRate)} inside a node, ${toHost}, ${rate(host.memoryGBps)} of host memory, ${interNode.topology} of ${rate(portRate)} a device between nodes.`
    })
    return ['Transfers share links max-min fairly; a link carries nothing but what the simulation sends.', ...new Set(sentences)]
  }

  private unknown(link: number, node: number): never {
    const kind = this.kindOf[link]!
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      'fabric',
      `Nothing is known about the links "${kind}" that a transfer from or to "${this.nodes[node]!.device}" needs.`,
      `State ${stated[kind]}.`,
    )
  }
}
