import {
  type CompileContext,
  type CompiledDevice,
  type Device,
  type Latency,
  type Moe,
  type Operator,
  type OperatorGraph,
  oneAttention,
  ServesimError,
} from '@servesim/core'
import type { Accelerator } from './accelerator.js'
import { type Cost, decodeAttention, experts, gemm, prefillAttention, traffic } from './costs.js'

/** Decode rows are linear in the context: two points would do, and a third shows where contexts of models end today. */
const contextTokens = Float64Array.of(0, 131_072, 262_144)

/**
 * A device that needs no measurement: every operator costs what arithmetic or memory traffic of its shape costs at the stated shares of
 * the chip's peaks.
 * @param path of the pool in the scenario, for errors
 */
export function rooflineDevice(accelerator: Accelerator, path: string): Device {
  return {
    spec: accelerator.spec,
    collectives: [],
    withSpec: (spec) => rooflineDevice({ ...accelerator, spec }, path),
    compile: (graph, context) => compile(accelerator, graph, context, path),
  }
}

function compile(accelerator: Accelerator, graph: OperatorGraph, { expertLoad }: CompileContext, path: string): CompiledDevice {
  // Found at build, not at the step that first needs it.
  for (const operator of graph.operators) if (operator.kind === 'gemm' || operator.kind === 'moe') rate(accelerator, operator, path)
  const shape = oneAttention(graph, path)
  const mixed: Latency & { computeFraction: number } = { ns: 0, provenance: 'analytic', computeFraction: 0 }
  const moeCost = (moe: Moe, tokens: number): Cost => {
    const share = moe.localExperts / moe.experts
    const visited =
      expertLoad?.activatedExperts(moe.experts, moe.topK, tokens) ?? moe.experts * (1 - (1 - moe.topK / moe.experts) ** tokens)
    const busiest = expertLoad?.busiestShare(moe.experts, moe.topK, tokens, moe.experts / moe.localExperts) ?? 1
    const active = Math.min(moe.localExperts, Math.max(1, share * visited))
    const shapeOf = { ...moe, weightBytes: moe.weightBytesPerElement, activationBytes: moe.activationBytesPerElement }
    const flopPerSecond = rate(accelerator, moe, path)
    const chosen = experts(accelerator, flopPerSecond, shapeOf, active, tokens * moe.topK * share * busiest)
    const bytes = moe.activationBytesPerElement
    const router = gemm(accelerator, accelerator.spec.bf16FlopPerSecond, tokens, moe.experts, moe.hiddenSize, bytes, bytes)
    const us = router.us + chosen.us
    return { us, computeFraction: (router.us * router.computeFraction + chosen.us * chosen.computeFraction) / us }
  }
  return {
    ...(accelerator.leftOutError !== undefined && { leftOutErrors: { analytic: accelerator.leftOutError } }),
    latency(operator, rows) {
      if (operator.kind === 'moe') return latencyOf(moeCost(operator, rows))
      if (operator.kind === 'elementwise')
        return latencyOf(traffic(accelerator, rows * operator.bytesPerRow, operator.class === 'logits-sampling'))
      const { n, k, weightBytesPerElement, activationBytesPerElement } = operator
      return latencyOf(gemm(accelerator, rate(accelerator, operator, path), rows, n, k, weightBytesPerElement, activationBytesPerElement))
    },
    attention: {
      contextTokens,
      measuredContextTokens: contextTokens.at(-1)!,
      decodeProvenance: 'analytic',
      decodeRowNs: (decodes) => contextTokens.map((context) => decodeAttention(accelerator, shape, decodes, context) * 1e3),
      mixedNs(newTokens, context, decodes, decodeContext) {
        const { us, computeFraction } = prefillAttention(accelerator, shape, newTokens, context)
        const decodeUs = decodes === 0 ? 0 : decodeAttention(accelerator, shape, decodes, decodeContext)
        mixed.ns = (us + decodeUs) * 1e3
        mixed.computeFraction = (us * computeFraction) / (us + decodeUs)
        return mixed
      },
    },
    assumptions:
      expertLoad === undefined && graph.operators.some((operator) => operator.kind === 'moe')
        ? [...accelerator.assumptions, 'Each token picks its experts independently and evenly; a trained gate concentrates.']
        : accelerator.assumptions,
  }
}

function latencyOf({ us, computeFraction }: Cost): Latency {
  return { ns: us * 1e3, provenance: 'analytic', computeFraction }
}

/** Peak that an operator's element type runs at. @throws ServesimError where nobody has published it */
function rate({ spec }: Accelerator, operator: Extract<Operator, { kind: 'gemm' | 'moe' }>, path: string): number {
  const bytes = Math.max(operator.weightBytesPerElement, operator.activationBytesPerElement)
  if (bytes >= 2) return spec.bf16FlopPerSecond
  if (spec.fp8FlopPerSecond !== undefined) return spec.fp8FlopPerSecond
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    `"${operator.name}" multiplies elements of ${bytes} byte; the 8-bit rate of "${spec.name}" is unknown.`,
    'Serve the model in 16 bits, take another device, or state the rate: device.figures.fp8FlopPerSecond.',
  )
}
