/** Timings and geometry of a DRAM channel that computes, as simulators' `.ini` files have them. */
export interface PimMemory {
  name: string
  protocol: string
  /** One clock, ns; the timings below are in clocks. */
  clockNs: number
  /** Row activation, precharge, row open at least; column to column in another and in the same bank group; read latency. */
  tRCD: number
  tRP: number
  tCCDS: number
  tCCDL: number
  readLatency: number
  /** A refresh takes this long, and one is due this often. */
  tRFC: number
  tREFI: number
  burstLength: number
  busWidthBits: number
  deviceWidthBits: number
  columns: number
  rows: number
  banks: number
  /** Memory of a channel as configured; whole ranks of it count. */
  channelMegabytes: number
  megatransfersPerSecond: number
  /** Fixed time of one attention over 4,096 query elements on one channel, ns, where it was measured. */
  attentionNs?: number
}

/** What one channel does. */
export interface ChannelFigures {
  bytes: number
  /** Over its pins. */
  pinBytesPerSecond: number
  /** Through its compute units, from rows that must be opened first, refresh included. */
  streamBytesPerSecond: number
  readLatencyNs: number
  /** Fixed time of one attention over 4,096 query elements: broadcasting queries, gathering results, mode switches. */
  attentionNs: number
  /** Whether `attentionNs` was measured on this memory, or stands in. */
  attentionMeasured: boolean
}

/**
 * Fixed time of an attention call where none was measured, in tokens of KV of Llama-3.1-8B (4,096 bytes): the four memories of
 * LLMServingSim take as long as 57 to 92 of them.
 */
const overheadTokens = 72
const tokenBytes = 4096

/**
 * Columns stream one after the other from an open row, and each row costs a precharge and an activation. DDR4 and HBM stay in a bank
 * group; LPDDR, which has none, alternates between both column distances. LLMServingSim's latencies of the four memories in `memories.ts`,
 * which came from a DRAM simulation, are met within 1 % by this (333.3, 242.1, 432.4 and 282.4 ns for 4,096 bytes).
 */
export function channelFigures(memory: PimMemory): ChannelFigures {
  const { clockNs, tRCD, tRP, tCCDS, tCCDL, tRFC, tREFI, burstLength, busWidthBits, deviceWidthBits, columns, rows, banks } = memory
  const devices = busWidthBits / deviceWidthBits
  const pageBytes = (columns * deviceWidthBits) / 8
  const rankBytes = pageBytes * rows * banks * devices
  const accessBytes = (burstLength * busWidthBits) / 8
  const accessClocks = /^lpddr/i.test(memory.protocol) ? (tCCDS + tCCDL) / 2 : tCCDL
  const nsPerByte = (clockNs * accessClocks) / accessBytes + (clockNs * (tRP + tRCD)) / (pageBytes * devices)
  return {
    bytes: Math.max(1, Math.floor((memory.channelMegabytes * 2 ** 20) / rankBytes)) * rankBytes,
    pinBytesPerSecond: (busWidthBits / 8) * memory.megatransfersPerSecond * 1e6,
    streamBytesPerSecond: (1e9 / nsPerByte) * (1 - tRFC / tREFI),
    readLatencyNs: memory.readLatency * clockNs,
    attentionNs: memory.attentionNs ?? overheadTokens * tokenBytes * nsPerByte,
    attentionMeasured: memory.attentionNs !== undefined,
  }
}
