import type { CollectiveKind } from '../operators.js'
import type { CollectiveCurve, DeviceSpec } from './device.js'
import { definePoint } from './point.js'
import type { Part, Provider } from './provider.js'

/** Prices collectives of a replica's ranks and point-to-point transfers. */
export interface Network extends Part {
  /**
   * Price of one collective. Called at build, over all row counts.
   * @param ranks ≥ 2
   * @param bytes > 0, as `CollectiveCall.bytesPerRow` counts
   * @returns ns, float
   */
  collectiveNs(collective: CollectiveKind, ranks: number, bytes: number): number
  /**
   * Of that price, how long the links of each rank are busy with bytes; the rest is latency. Flows that share the links lengthen it, and are
   * slowed by it. Absent: flows and collectives do not meet.
   * @returns ns, float
   */
  collectiveLinkNs?(collective: CollectiveKind, ranks: number, bytes: number): number
  /** How well the prices are known. */
  readonly provenance: 'measured' | 'analytic'
  /**
   * @param betweenNodes the two ranks stand on different nodes; a network of one kind of link makes no difference
   * @returns ns for `bytes` from one rank to another, alone on the link
   */
  transferNs(bytes: number, betweenNodes?: boolean): number
  readonly assumptions: string[]
}

export interface NetworkContext {
  path: string
  device: DeviceSpec
  /** Curves measured on the device's machine, where its bundle has them. */
  collectives: CollectiveCurve[]
  engineRelease: string
}

export const network = definePoint<Provider<Network, NetworkContext>>({
  id: 'servesim/network',
  contract: 1,
  cardinality: 'named',
  scope: 'pool',
})
