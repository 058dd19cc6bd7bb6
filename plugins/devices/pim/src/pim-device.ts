import type { Attention, AttentionLatency, Device, DeviceSpec, Latency } from '@servesim/core'
import { type Efficiency, rooflineDevice, unmeasured } from '@servesim/roofline'

/** Channels that compute beside each other. */
export interface PimSystem {
  spec: DeviceSpec
  channels: number
  /** Of one channel. */
  streamBytesPerSecond: number
  readLatencyNs: number
  /** Fixed time of one attention over `queryElements` query elements on one channel. */
  attentionNs: number
  assumptions: string[]
}

/** Query elements that the fixed time is given for: 32 heads of 128. */
const queryElements = 4096
/** Queries that one pass over a KV head serves. Source: LLMServingSim's PIM model scales its latency by queries per KV head ÷ 4. */
const queriesPerPass = 4
/** DRAM's compute units reach the rate that they were given: row, refresh and column distances are in it already. */
const streaming: Efficiency = { ...unmeasured, compute: 1, bandwidth: 1, attentionCompute: 1, prefillBandwidth: 1, decodeBandwidth: 1 }

/**
 * Memory that multiplies where it stores. A matrix product streams its weights once for each row of activations, since an element read
 * meets one multiplier; decode attention streams the KV of each sequence, spread over channels by KV head.
 * @param path of the pool in the scenario, for errors
 */
export function pimDevice(system: PimSystem, path: string): Device {
  const { spec, assumptions } = system
  const launchUs = system.readLatencyNs / 1e3
  const base = rooflineDevice(
    { spec, tile: { rows: 1, n: 1, k: 1 }, efficiency: { ...streaming, launchUs, attentionLaunchUs: launchUs }, assumptions },
    path,
  )
  return {
    spec,
    collectives: [],
    compile(graph, context) {
      const compiled = base.compile(graph, context)
      const shape = graph.operators.find((operator) => operator.kind === 'attention')!
      return { ...compiled, attention: pimAttention(system, shape, compiled.attention) }
    },
  }
}

/** Decodes by channel; prefill as the roofline has it. */
function pimAttention(system: PimSystem, shape: Attention, roofline: AttentionLatency): AttentionLatency {
  const { contextTokens } = roofline
  const mixed: Latency = { ns: 0, provenance: 'analytic' }
  return {
    contextTokens,
    measuredContextTokens: roofline.measuredContextTokens,
    decodeProvenance: 'analytic',
    decodeRowNs: (decodes) => contextTokens.map((context) => decodeNs(system, shape, decodes, context)),
    mixedNs(newTokens, context, decodes, decodeContext) {
      const prefillNs = roofline.mixedNs(newTokens, context, 0, 0).ns
      mixed.ns = prefillNs + (decodes === 0 ? 0 : decodeNs(system, shape, decodes, decodeContext))
      return mixed
    },
  }
}

/**
 * Each KV head of each sequence is a share; the channel with most of them is waited for. Queries go in and results come out over the pins,
 * at the memory's bandwidth, before and after.
 */
function decodeNs(
  { spec, channels, streamBytesPerSecond, readLatencyNs, attentionNs }: PimSystem,
  shape: Attention,
  decodes: number,
  context: number,
): number {
  const { heads, kvHeads, headDim, kvBytesPerElement } = shape
  const split = Math.min(channels, kvHeads)
  const passes = Math.max(1, heads / kvHeads / queriesPerPass)
  const streamNs = ((context * 2 * kvHeads * headDim * kvBytesPerElement) / streamBytesPerSecond) * 1e9 * passes
  const shareNs = (streamNs + (attentionNs * heads * headDim) / queryElements) / split
  const elements = (2 * heads + 2 * kvHeads) * headDim
  const pinsNs = readLatencyNs + ((decodes * elements * kvBytesPerElement) / spec.memoryBytesPerSecond) * 1e9
  return Math.ceil((decodes * split) / channels) * shareNs + pinsNs
}
