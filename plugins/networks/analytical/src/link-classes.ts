import type { DeviceSpec } from '@servesim/core'

/** One algorithm of a collective: latency of the smallest message in µs, and the rate in 10⁹ B/s at which bus traffic moves on. */
type Algorithm = readonly [latencyUs: number, busGBps: number, belowBytes?: number]

/** The price of a collective is that of the fastest of its algorithms; keyed by rank count. */
type Algorithms = Readonly<Record<2 | 4 | 8, readonly Algorithm[]>>

export interface LinkClass {
  readonly name: string
  /** One direction of the link that the figures were measured on; those of other links scale with theirs. */
  readonly linkBytesPerSecond: number
  readonly allReduce: Algorithms
  /** All-gather, reduce-scatter and all-to-all. */
  readonly exchange: Algorithms
  readonly source: string
}

const aiconfigurator = 'AIConfigurator, August 2026'

/** vLLM's own all-reduce kernels refuse buffers of 8 MiB and more; NCCL takes over. */
const customLimitBytes = 8 * 2 ** 20

/**
 * Two or three straight lines per collective and rank count, fitted to the public AIConfigurator tables: all-reduce as vLLM runs it inside
 * CUDA graphs (its own kernels for small buffers), the rest by NCCL. Within 15 % of most measured sizes from 1 KB to 512 MB; L40S with
 * 8 GPUs, whose traffic crosses the sockets, within 30 %.
 */
const nvlink4: LinkClass = {
  name: 'NVLink 4',
  linkBytesPerSecond: 450e9,
  allReduce: {
    2: [
      [4.3, 240],
      [22.7, 302],
    ],
    4: [
      [4.5, 127],
      [8.1, 299],
      [26.1, 343],
    ],
    8: [
      [5, 79.6],
      [9.4, 343],
      [48, 437],
    ],
  },
  exchange: {
    2: [
      [5.6, 95],
      [17.2, 241],
    ],
    4: [
      [7.3, 131],
      [23.9, 308],
    ],
    8: [
      [11.3, 206],
      [22.7, 331],
    ],
  },
  source: `${aiconfigurator}: h100_sxm, vLLM 0.24.0 and NCCL 2.29.2`,
}

const nvlink3: LinkClass = {
  name: 'NVLink 3',
  linkBytesPerSecond: 300e9,
  allReduce: {
    2: [
      [5, 202, customLimitBytes],
      [43.6, 191],
    ],
    4: [
      [5.6, 90, customLimitBytes],
      [10.6, 204, customLimitBytes],
      [57, 213],
    ],
    8: [
      [5.7, 40, customLimitBytes],
      [13.9, 234, customLimitBytes],
      [67, 212],
    ],
  },
  exchange: {
    2: [
      [10.2, 44.7],
      [30.1, 160],
    ],
    4: [
      [11.1, 53.2],
      [41, 195],
    ],
    8: [
      [17, 117],
      [65.2, 210],
    ],
  },
  source: `${aiconfigurator}: a100_sxm, vLLM 0.14.0 and NCCL 2.27.3`,
}

/** With two GPUs: 13 µs for an all-reduce and 10 µs otherwise, replayed from CUDA graphs on the machine of LLMServingSim's recorded runs. */
const pcie5: LinkClass = {
  name: 'PCIe 5',
  linkBytesPerSecond: 64e9,
  allReduce: {
    2: [
      [12.7, 28],
      [16, 36.6],
    ],
    4: [
      [11.4, 11.2],
      [39.7, 29.7],
    ],
    8: [
      [24.7, 9.2],
      [87.5, 25],
    ],
  },
  exchange: {
    2: [[10.2, 30.5]],
    4: [
      [9.3, 13],
      [24.2, 25.7],
    ],
    8: [
      [14.9, 8.3],
      [51.2, 24.3],
    ],
  },
  source: `LLMServingSim, September 2026, for two GPUs; ${aiconfigurator}: rtx_pro_6000_server, vLLM 0.24.0 and NCCL 2.29.2, for four and eight`,
}

const pcie4: LinkClass = {
  name: 'PCIe 4',
  linkBytesPerSecond: 32e9,
  allReduce: { 2: [[5.3, 19.1]], 4: [[12.7, 4]], 8: [[23.9, 2.5]] },
  exchange: {
    2: [
      [6.2, 10.6],
      [18.6, 19.4],
    ],
    4: [
      [9, 4.1],
      [17, 4.9],
    ],
    8: [
      [11.9, 0.81],
      [159, 1.76],
    ],
  },
  source: `${aiconfigurator}: l40s, vLLM 0.14.0 and NCCL 2.27.3`,
}

/** The class whose figures stand for a device's link, or undefined where none is known. */
export function linkClassOf({ linkKind, linkBytesPerSecond }: DeviceSpec): LinkClass | undefined {
  if (linkBytesPerSecond === undefined) return undefined
  if (linkKind === 'nvlink') return linkBytesPerSecond > 1.2 * nvlink3.linkBytesPerSecond ? nvlink4 : nvlink3
  if (linkKind === 'pcie') return linkBytesPerSecond > 1.2 * pcie4.linkBytesPerSecond ? pcie5 : pcie4
  return undefined
}

/** The algorithms of the smallest measured group that holds `ranks`; undefined above 8. */
export function algorithmsFor(algorithms: Algorithms, ranks: number): readonly Algorithm[] | undefined {
  if (ranks > 8) return undefined
  return algorithms[ranks > 4 ? 8 : ranks > 2 ? 4 : 2]
}

export type { Algorithm }
