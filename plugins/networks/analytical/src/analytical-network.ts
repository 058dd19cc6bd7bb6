import { type CollectiveCurve, type CollectiveKind, type Network, type NetworkContext, ServesimError } from '@servesim/core'
import { curveNs } from './curve.js'
import { type Algorithm, algorithmsFor, type LinkClass, linkClassOf } from './link-classes.js'
import { trafficBytes } from './traffic.js'

/** Overhead of a point-to-point copy, software included (AIConfigurator's figure for all its NVIDIA systems). */
const transferLatencyUs = 10

export interface AnalyticalOptions {
  /** Of the smallest message, for all or by collective. */
  latencyUs?: number | { [Kind in CollectiveKind]?: number | undefined } | undefined
  /** One direction of a rank's link, 10⁹ B/s. */
  bandwidthGBps?: number | undefined
  curve: 'auto' | 'never'
}

/**
 * Collectives by latency and bandwidth: α + traffic ÷ bandwidth, with the traffic of the ring algorithms. Where the scenario states
 * neither, the fastest of the algorithms known for the device's link; a curve measured on the machine comes before both.
 */
export class AnalyticalNetwork implements Network {
  readonly reads = 'shape'
  readonly provenance: 'measured' | 'analytic'
  readonly assumptions: string[]
  private readonly link: LinkClass | undefined
  private readonly curves: readonly CollectiveCurve[]
  /** The device's link against the one its class was measured on. */
  private readonly linkRatio: number

  constructor(
    private readonly options: AnalyticalOptions,
    private readonly context: NetworkContext,
    linkBytesPerSecond = context.device.linkBytesPerSecond,
  ) {
    const { device, collectives } = context
    const stated = options.latencyUs !== undefined || options.bandwidthGBps !== undefined
    this.link = linkClassOf(device)
    this.linkRatio = this.link === undefined ? 1 : linkBytesPerSecond! / this.link.linkBytesPerSecond
    this.curves = options.curve === 'auto' && !stated ? collectives : []
    this.provenance = this.curves.length > 0 ? 'measured' : 'analytic'
    this.assumptions = this.assumptionsOf(stated)
  }

  collectiveNs(collective: CollectiveKind, ranks: number, bytes: number): number {
    const curve = this.curve(collective, ranks)
    if (curve !== undefined) return curveNs(curve, bytes)
    const [latencyUs, linkUs] = this.fastest(collective, ranks, bytes)
    return (latencyUs + linkUs) * 1e3
  }

  collectiveLinkNs(collective: CollectiveKind, ranks: number, bytes: number): number {
    const curve = this.curve(collective, ranks)
    // What the smallest message takes is latency.
    if (curve !== undefined) return Math.max(0, curveNs(curve, bytes) - curve.ns[0]!)
    return this.fastest(collective, ranks, bytes)[1] * 1e3
  }

  private curve(collective: CollectiveKind, ranks: number): CollectiveCurve | undefined {
    return this.curves.find((c) => c.collective === collective && c.ranks === ranks)
  }

  /** Latency and traffic of the algorithm that is done first, µs. */
  private fastest(collective: CollectiveKind, ranks: number, bytes: number): [latencyUs: number, linkUs: number] {
    const traffic = trafficBytes(collective, ranks, bytes)
    let best: [number, number] = [Number.POSITIVE_INFINITY, 0]
    for (const [latencyUs, busGBps, belowBytes] of this.algorithms(collective, ranks)) {
      const linkUs = traffic / (busGBps * 1e3)
      if ((belowBytes === undefined || bytes < belowBytes) && latencyUs + linkUs < best[0] + best[1]) best = [latencyUs, linkUs]
    }
    return best
  }

  transferNs(bytes: number): number {
    const { latencyUs, bandwidthGBps } = this.options
    const bytesPerNs = bandwidthGBps ?? (this.context.device.linkBytesPerSecond ?? this.unknown('a transfer')) / 1e9
    return (typeof latencyUs === 'number' ? latencyUs : transferLatencyUs) * 1e3 + bytes / bytesPerNs
  }

  private algorithms(collective: CollectiveKind, ranks: number): readonly Algorithm[] {
    const { latencyUs, bandwidthGBps } = this.options
    const latency = typeof latencyUs === 'number' ? latencyUs : latencyUs?.[collective]
    if (latency !== undefined && bandwidthGBps !== undefined) return [[latency, bandwidthGBps]]
    const { link, linkRatio } = this
    const known = link && algorithmsFor(collective === 'all-reduce' ? link.allReduce : link.exchange, ranks)
    if (known === undefined) return this.unknown(`${collective} of ${ranks} ranks`)
    const scaled = known.map(
      ([us, busGBps, below]): Algorithm => (below === undefined ? [us, busGBps * linkRatio] : [us, busGBps * linkRatio, below]),
    )
    if (latency === undefined && bandwidthGBps === undefined) return scaled
    // What is stated replaces its half: the latency of small messages, or the rate of large ones.
    return [[latency ?? scaled[0]![0], bandwidthGBps ?? scaled.at(-1)![1]]]
  }

  private unknown(what: string): never {
    const { device, path } = this.context
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      path,
      `Nothing is known about ${what} over the link of "${device.name}" (${device.linkKind ?? 'no link'}); known are NVLink and PCIe within a node of up to 8 devices.`,
      'State latencyUs and bandwidthGBps.',
    )
  }

  private assumptionsOf(stated: boolean): string[] {
    if (stated) return ['Collectives: latency and bandwidth as the scenario states.']
    const measured = this.curves.map(({ collective, ranks }) => `${collective} of ${ranks}`)
    if (measured.length > 0) return [`Collectives: curves measured on the machine (${measured.join(', ')}).`]
    return this.link === undefined ? [] : [`Collectives: latency and bandwidth of ${this.link.name} (${this.link.source}).`]
  }
}
