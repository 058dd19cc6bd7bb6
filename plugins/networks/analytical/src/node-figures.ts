import { type DeviceSpec, ServesimError } from '@servesim/core'
import type { FabricOptions } from './fabric-options.js'
import { evenDimensions, type TopologyName } from './topology.js'

/** Shares of a link's published rate that large copies reach. */
const usable = {
  /** 370 of 450 GB/s: NVIDIA's NCCL maintainer, nccl-tests issue 212. */
  nvlink: 370 / 450,
  /** 80–90 %: PCIe x16 as commonly measured, 50–55 GB/s of 63 in generation 5. */
  pcie: 0.85,
  /** 90–97 % of InfiniBand's line rate. */
  infiniBand: 0.94,
}

/** One direction of a device's links to host and network, 10⁹ B/s, by the least that its own link does. AIConfigurator's system files. */
const generations: readonly { kind: DeviceSpec['linkKind']; least: number; hostGBps: number; portGBps: number }[] = [
  { kind: 'nvlink', least: 800, hostGBps: 64, portGBps: 100 },
  { kind: 'nvlink', least: 400, hostGBps: 64, portGBps: 50 },
  { kind: 'nvlink', least: 0, hostGBps: 32, portGBps: 25 },
  { kind: 'pcie', least: 0, hostGBps: Number.NaN, portGBps: 50 },
]

/** What links a node's devices, its hosts and other nodes. Rates in bytes per ns (10⁹ B/s); NaN where nothing is known. */
export interface NodeFigures {
  topology: TopologyName
  dimensions: readonly number[]
  linkRate: number
  hostRate: number
  /** The links between devices are those to the host: PCIe. */
  hostIsLink: boolean
  portRate: number
}

/** @throws ServesimError where a torus does not hold the devices */
export function figuresOf(device: DeviceSpec, devices: number, { intraNode, interNode, host }: FabricOptions): NodeFigures {
  const { linkKind, linkBytesPerSecond = Number.NaN } = device
  const published = linkBytesPerSecond / 1e9
  const topology =
    intraNode.topology ?? (linkKind === 'ici' ? 'torus' : linkKind === 'nvlink' || linkKind === 'pcie' ? 'switch' : 'full-mesh')
  const dimensions = dimensionsOf(topology, devices, intraNode.dimensions, 'fabric.intraNode.dimensions', `${devices} devices of a node`)
  const generation = generations.find(({ kind, least }) => kind === linkKind && published >= least)
  const hostIsLink = linkKind === 'pcie' && topology === 'switch' && host.bandwidthGBps === undefined
  const linkRate = intraNode.bandwidthGBps ?? (published * usableShare(linkKind)) / linksOfADevice(topology, devices, dimensions.length)
  return {
    topology,
    dimensions,
    linkRate,
    hostIsLink,
    hostRate: hostIsLink ? linkRate : (host.bandwidthGBps ?? hostGBps(linkKind, published, generation?.hostGBps) * usable.pcie),
    portRate: interNode.bandwidthGBps ?? (generation?.portGBps ?? Number.NaN) * usable.infiniBand,
  }
}

/** Share of the published rate of a device's links that large copies reach; 1 where nothing is known. */
export function usableShare(kind: DeviceSpec['linkKind']): number {
  return kind === 'nvlink' ? usable.nvlink : kind === 'pcie' ? usable.pcie : 1
}

function hostGBps(kind: DeviceSpec['linkKind'], published: number, known = Number.NaN): number {
  return kind === 'pcie' ? published : known
}

/** A device's published rate is that of all its links. */
function linksOfADevice(topology: TopologyName, devices: number, dimensions: number): number {
  switch (topology) {
    case 'switch':
      return 1
    case 'full-mesh':
      return Math.max(1, devices - 1)
    case 'ring':
      return 2
    case 'torus':
      return 2 * dimensions
  }
}

/** Dimensions of a torus as stated, or nearly equal ones; none for other topologies. @param what is to be placed, for the error */
export function dimensionsOf(
  topology: TopologyName,
  size: number,
  stated: readonly number[] | undefined,
  path: string,
  what: string,
): readonly number[] {
  if (topology !== 'torus') return []
  const dimensions = stated ?? evenDimensions(size, 2)
  const places = dimensions.reduce((a, b) => a * b, 1)
  if (places === size) return dimensions
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    path,
    `A torus of ${dimensions.join(' × ')} has ${places} places, and there are ${what}.`,
    'Let the dimensions multiply to that number.',
  )
}
