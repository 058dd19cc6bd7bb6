import { ServesimError } from './errors.js'
import { type FigureName, figureNames, formatFigure, withFigures } from './figures.js'
import type { Attention, Operator, OperatorGraph } from './operators.js'
import type { AttentionLatency, CollectiveCurve, CompiledDevice, Device, DeviceSpec, Latency, Provenance } from './points/device.js'

/**
 * Share of the published peaks that large operators reach. What they explain at this share scales with the chip; the rest of a measured
 * latency is launch and dependency, which no figure buys. Source: sustained share of the dense peak in NVIDIA AIConfigurator's matrix
 * products of 4,096 and more, 0.70–0.80 on data centre GPUs.
 */
const reachedShare = 0.7

/** Figures that measured latencies say nothing about. */
const unscalable: readonly FigureName[] = ['streamingMultiprocessors', 'l2Bytes']

/**
 * The same device with other figures. One that can price itself anew does; the latencies of any other are scaled operator by operator, by
 * what the roofline of its shape becomes.
 * @param changes by name of a figure, as `withFigures` takes them
 */
export function whatIf(device: Device, changes: Readonly<Record<string, unknown>>, path: string): Device {
  const spec = withFigures(device.spec, changes, path)
  const changed = figureNames.filter((figure) => spec[figure] !== device.spec[figure])
  if (changed.length === 0) return device
  const sentence = `What if: ${changed.map((figure) => `${figure} ${formatFigure(figure, device.spec[figure])} → ${formatFigure(figure, spec[figure])}`).join(', ')}.`
  const rebuilt = device.withSpec?.(spec)
  if (rebuilt !== undefined) return withAssumption(rebuilt, sentence)
  const fixed = changed.find((figure) => unscalable.includes(figure))
  if (fixed !== undefined)
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      `${path}.${fixed}`,
      `The latencies of "${device.spec.name}" are measured, and none can be scaled by ${fixed}.`,
      'Leave it out, or take the analytic device: without a bundle.',
    )
  return withAssumption(scaled(device, spec), `${sentence} Latencies are scaled by the roofline of each operator, an extrapolation.`)
}

function withAssumption(device: Device, sentence: string): Device {
  return {
    ...device,
    compile: (graph, context) => {
      const compiled = device.compile(graph, context)
      return {
        ...compiled,
        latency: (operator, rows) => compiled.latency(operator, rows),
        assumptions: [sentence, ...compiled.assumptions],
      }
    },
  }
}

function scaled(device: Device, spec: DeviceSpec): Device {
  const { straggler, collectives } = device
  const bandwidth = spec.memoryBytesPerSecond / device.spec.memoryBytesPerSecond
  const link = (spec.linkBytesPerSecond ?? 1) / (device.spec.linkBytesPerSecond ?? spec.linkBytesPerSecond ?? 1)
  return {
    ...device,
    spec,
    collectives: link === 1 ? collectives : collectives.map((curve) => overLink(curve, link)),
    ...(straggler !== undefined && {
      straggler: { ...straggler, sharedNsPerContextToken: straggler.sharedNsPerContextToken / bandwidth },
    }),
    compile: (graph, context) => scaledLatencies(device.compile(graph, context), graph, device.spec, spec),
  }
}

/** Small messages wait for latency, which a wider link leaves as it is. */
function overLink(curve: CollectiveCurve, ratio: number): CollectiveCurve {
  const floor = Math.min(...curve.ns)
  return { ...curve, ns: curve.ns.map((ns) => floor + (ns - floor) / ratio) }
}

function scaledLatencies(compiled: CompiledDevice, graph: OperatorGraph, from: DeviceSpec, to: DeviceSpec): CompiledDevice {
  const rescale = (ns: number, flop: number, bytes: number, eightBit: boolean): number => {
    const before = rooflineNs(from, flop, bytes, eightBit)
    const explained = Math.min(ns, before / reachedShare)
    return before === 0 ? ns : ns - explained + (explained * rooflineNs(to, flop, bytes, eightBit)) / before
  }
  const affected = (['memoryBytesPerSecond', 'bf16FlopPerSecond', 'fp8FlopPerSecond'] as const).some(
    (figure) => from[figure] !== to[figure],
  )
  const provenance = (known: Provenance): Provenance => (affected && known !== 'analytic' ? 'extrapolated' : known)
  const result: Latency = { ns: 0, provenance: 'extrapolated' }
  const scaledTo = (latency: Latency, ns: number): Latency => {
    result.ns = ns
    result.provenance = provenance(latency.provenance)
    if (latency.computeFraction !== undefined) result.computeFraction = latency.computeFraction
    return result
  }
  const shape = graph.operators.find((operator) => operator.kind === 'attention')
  return {
    ...compiled,
    latency(operator, rows) {
      const latency = compiled.latency(operator, rows)
      const { flop, bytes, eightBit } = workOf(operator, rows)
      return { ...scaledTo(latency, rescale(latency.ns, flop, bytes, eightBit)) }
    },
    attention: shape === undefined ? compiled.attention : scaledAttention(compiled.attention, shape, rescale, scaledTo, provenance),
  }
}

function scaledAttention(
  attention: AttentionLatency,
  shape: Attention,
  rescale: (ns: number, flop: number, bytes: number, eightBit: boolean) => number,
  scaledTo: (latency: Latency, ns: number) => Latency,
  provenance: (known: Provenance) => Provenance,
): AttentionLatency {
  const pairFlop = 4 * shape.heads * shape.headDim
  const tokenBytes = 2 * shape.kvHeads * shape.headDim * shape.kvBytesPerElement
  const { contextTokens } = attention
  return {
    contextTokens,
    measuredContextTokens: attention.measuredContextTokens,
    decodeProvenance: provenance(attention.decodeProvenance),
    decodeRowNs: (decodes, launched) =>
      attention.decodeRowNs(decodes, launched).map((ns, i) => {
        const keys = decodes * contextTokens[i]!
        return rescale(ns, pairFlop * keys, tokenBytes * keys, false)
      }),
    mixedNs(newTokens, context, decodes, decodeContext) {
      const latency = attention.mixedNs(newTokens, context, decodes, decodeContext)
      const decodeKeys = decodes * decodeContext
      const flop = pairFlop * (newTokens * Math.max(0, context + newTokens / 2) + decodeKeys)
      const bytes = tokenBytes * (Math.max(newTokens, context + newTokens) + decodeKeys)
      return scaledTo(latency, rescale(latency.ns, flop, bytes, false))
    },
  }
}

/** At the published peaks; the longer of arithmetic and memory traffic. */
function rooflineNs(spec: DeviceSpec, flop: number, bytes: number, eightBit: boolean): number {
  const flopPerSecond = eightBit ? (spec.fp8FlopPerSecond ?? spec.bf16FlopPerSecond) : spec.bf16FlopPerSecond
  return Math.max(flop / flopPerSecond, bytes / spec.memoryBytesPerSecond) * 1e9
}

interface Work {
  flop: number
  bytes: number
  eightBit: boolean
}

function workOf(operator: Exclude<Operator, Attention>, rows: number): Work {
  if (operator.kind === 'elementwise') return { flop: 0, bytes: rows * operator.bytesPerRow, eightBit: false }
  const { weightBytesPerElement: weight, activationBytesPerElement: activation } = operator
  const eightBit = Math.max(weight, activation) === 1
  if (operator.kind === 'gemm') {
    const { n, k } = operator
    return { flop: 2 * rows * n * k, bytes: n * k * weight + rows * (n + k) * activation, eightBit }
  }
  const { experts, localExperts, topK, hiddenSize, intermediateSize } = operator
  const share = localExperts / experts
  const active = localExperts * (1 - (1 - topK / experts) ** rows)
  const pairs = rows * topK * share
  return {
    flop: 6 * pairs * hiddenSize * intermediateSize,
    bytes: 3 * active * hiddenSize * intermediateSize * weight + pairs * (2 * hiddenSize + 3 * intermediateSize) * activation,
    eightBit,
  }
}
