import {
  type Attention,
  type CompiledDevice,
  type Device,
  type ExpertLoad,
  type Latency,
  type Operator,
  type OperatorGraph,
  ServesimError,
} from '@servesim/core'
import type { AttentionKernel } from './attention-kernel.js'
import type { CoefficientSet } from './coefficient-set.js'
import { type Cost, type GpuSpec, gpuOf } from './gpu.js'
import { decodeAttention } from './roofline/decode-attention.js'
import { elementwise } from './roofline/elementwise.js'
import { gemm } from './roofline/gemm.js'
import { moe } from './roofline/moe.js'
import { prefillAttention } from './roofline/prefill-attention.js'

export interface AnalyticGpu {
  spec: GpuSpec
  attention: AttentionKernel
  coefficients: CoefficientSet
  assumptions: string[]
}

/** The fits are of 16-bit kernels. */
const fittedBytes = 2
/** Longest context in the measured tables. */
const measuredContextTokens = 131_072
const gridEnd = 262_144
/** Eight points per octave: linear interpolation between them is within 0.5 % of the model. */
const pointsPerOctave = 8

/**
 * A GPU priced by a roofline whose efficiency curves were fitted to public measurements. Operators cost what they cost inside a
 * CUDA graph; launching them one by one is the host's time, which is not the device's.
 * @param path of the pool in the scenario, for errors
 */
export function analyticDevice(gpu: AnalyticGpu, path: string): Device {
  return {
    spec: gpu.spec,
    collectives: [],
    withSpec: (spec) => analyticDevice({ ...gpu, spec: { ...gpu.spec, ...spec } }, path),
    compile: (graph, { expertLoad }) => compile(gpu, graph, expertLoad, path),
  }
}

function compile(
  { spec, attention: kernel, coefficients: c, assumptions }: AnalyticGpu,
  graph: OperatorGraph,
  load: ExpertLoad | undefined,
  path: string,
): CompiledDevice {
  for (const operator of graph.operators) requireFitted(operator, spec.name, path)
  const shape = oneAttention(graph, path)
  const gpu = gpuOf(spec, kernel)
  const contextTokens = contextGrid()
  const mixed: Latency & { computeFraction: number } = { ns: 0, provenance: 'analytic', computeFraction: 0 }
  const scratch: Cost = { us: 0, computeFraction: 0 }

  return {
    latency(operator, rows) {
      if (operator.kind === 'gemm') return latencyOf(gemm(gpu, c.gemm, rows, operator.n, operator.k))
      if (operator.kind === 'moe')
        return latencyOf(
          oneAfterTheOther(
            gemm(gpu, c.gemm, rows, operator.experts, operator.hiddenSize),
            moe(gpu, c.moe, operator, rows, load ?? 'random'),
          ),
        )
      return latencyOf(elementwise(gpu, c.gemm, rows * operator.bytesPerRow, operator.class === 'logits-sampling'))
    },
    attention: {
      contextTokens,
      measuredContextTokens,
      decodeProvenance: 'analytic',
      decodeRowNs: (decodes, launched) =>
        contextTokens.map((context) => decodeAttention(gpu, c.decode, shape, decodes, context, launched).us * 1e3),
      mixedNs(newTokens, context, decodes, decodeContext) {
        const { us, computeFraction } = prefillAttention(gpu, c, shape, newTokens, context, decodes, decodeContext, scratch)
        mixed.ns = us * 1e3
        mixed.computeFraction = computeFraction
        return mixed
      },
    },
    assumptions:
      load === undefined && graph.operators.some((operator) => operator.kind === 'moe') ? [...assumptions, randomRouting] : assumptions,
  }
}

const randomRouting = 'Each token picks its experts independently and evenly; a trained gate concentrates.'

function latencyOf({ us, computeFraction }: Cost): Latency {
  return { ns: us * 1e3, provenance: 'analytic', computeFraction }
}

/** The measured layers of experts begin after the router's product. */
function oneAfterTheOther(a: Cost, b: Cost): Cost {
  const us = a.us + b.us
  return { us, computeFraction: (a.us * a.computeFraction + b.us * b.computeFraction) / us }
}

/** One token, then geometric from 16. */
function contextGrid(): Float64Array {
  const octaves = Math.log2(gridEnd / 16)
  const points = Array.from({ length: octaves * pointsPerOctave + 1 }, (_, i) => 16 * 2 ** (i / pointsPerOctave))
  return Float64Array.from([1, ...points])
}

function requireFitted(operator: Operator, name: string, path: string): void {
  if (operator.kind === 'elementwise') return
  const bytes =
    operator.kind === 'attention' ? [operator.kvBytesPerElement] : [operator.weightBytesPerElement, operator.activationBytesPerElement]
  const other = bytes.find((b) => b !== fittedBytes)
  if (other === undefined) return
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    `The analytic "${name}" prices 16-bit operators; "${operator.name}" has elements of ${other} bytes.`,
    'Use a 16-bit model and KV cache, or a measured bundle with `--profile`.',
  )
}

/** Core prices attention once per layer: all layers must be alike. */
function oneAttention(graph: OperatorGraph, path: string): Attention {
  const all = graph.operators.filter((operator) => operator.kind === 'attention')
  const [first] = all
  const alike = (a: Attention) => a.heads === first?.heads && a.kvHeads === first.kvHeads && a.headDim === first.headDim
  if (first !== undefined && all.every(alike)) return first
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    `The model has ${all.length === 0 ? 'no attention' : 'layers of attention with different shapes'}; expected one shape for all layers.`,
    'Use a measured bundle with `--profile`.',
  )
}
