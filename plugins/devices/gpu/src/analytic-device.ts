import {
  type CompiledDevice,
  type Device,
  type DeviceSpec,
  type ExpertLoad,
  type Latency,
  type Operator,
  type OperatorGraph,
  oneAttention,
  type Precision,
  ServesimError,
} from '@servesim/core'
import type { AttentionKernel } from './attention-kernel.js'
import type { CoefficientSet, Family } from './coefficient-set.js'
import { type Cost, type GpuSpec, gpuOf } from './gpu.js'
import { decodeAttention } from './roofline/decode-attention.js'
import { elementwise } from './roofline/elementwise.js'
import { gemm } from './roofline/gemm.js'
import { moe } from './roofline/moe.js'
import { prefillAttention } from './roofline/prefill-attention.js'

export interface AnalyticGpu {
  /** With what the roofline has to assume. */
  spec: GpuSpec
  /** As published: what is unknown is absent. */
  published: DeviceSpec
  attention: AttentionKernel
  coefficients: CoefficientSet
  /** Median error of each family, shares. */
  errors: Partial<Record<Family, number>>
  assumptions: string[]
}

/**
 * What launching a step with prefill kernel by kernel takes vLLM's host: 0.3 to 0.5 ms a layer in measured serving points of H100, H200 and B200 (`servesim
 * validate points` holds the evidence), 0.6 to 0.8 in recorded runs of two workstations.
 */
const launchHostMsPerLayer = 0.4

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
    spec: gpu.published,
    launchHostMsPerLayer,
    collectives: [],
    withSpec: (spec) => analyticDevice({ ...gpu, spec: { ...gpu.spec, ...spec }, published: spec }, path),
    compile: (graph, { expertLoad }) => compile(gpu, graph, expertLoad, path),
  }
}

function compile(
  { spec, published, attention: kernel, coefficients: c, errors, assumptions }: AnalyticGpu,
  graph: OperatorGraph,
  load: ExpertLoad | undefined,
  path: string,
): CompiledDevice {
  for (const operator of graph.operators) requireFitted(operator, published, c, path)
  const shape = oneAttention(graph, path)
  const gpu = gpuOf(spec, kernel)
  const contextTokens = contextGrid()
  const mixed: Latency & { computeFraction: number } = { ns: 0, provenance: 'analytic', computeFraction: 0 }
  const scratch: Cost = { us: 0, computeFraction: 0 }

  return {
    latency(operator, rows) {
      if (operator.kind === 'gemm')
        return latencyOf(
          isFp8(operator)
            ? gemm(gpu, c.gemmFp8!, rows, operator.n, operator.k, 'memory', 'fp8')
            : gemm(gpu, c.gemm, rows, operator.n, operator.k),
        )
      if (operator.kind === 'moe')
        return latencyOf(
          oneAfterTheOther(
            gemm(gpu, c.gemm, rows, operator.experts, operator.hiddenSize),
            isFp8(operator)
              ? moe(gpu, c.moeFp8!, operator, rows, load ?? 'random', 'memory', 'fp8')
              : moe(gpu, c.moe, operator, rows, load ?? 'random'),
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
      verifyRowNs: (decodes, launched, queryTokens) =>
        contextTokens.map((context) => {
          if (kernel.packsQueryHeads) {
            // Tokens of a sequence stand beside the query heads of a KV head, in the same tiles of rows.
            const packed = { ...shape, heads: shape.heads * queryTokens }
            return decodeAttention(gpu, c.decode, packed, decodes, context, launched).us * 1e3
          }
          // More than one token of a sequence: the kernel of mixed batches, a tile of queries for each head.
          return prefillAttention(gpu, c, shape, queryTokens, context, decodes - 1, context, scratch).us * 1e3
        }),
      mixedNs(newTokens, context, decodes, decodeContext) {
        const inOne = kernel.takesBoth ? decodes : 0
        const { us, computeFraction } = prefillAttention(gpu, c, shape, newTokens, context, inOne, decodeContext, scratch)
        const apart = decodes > inOne ? decodeAttention(gpu, c.decode, shape, decodes, Math.max(1, decodeContext)).us : 0
        mixed.ns = (us + apart) * 1e3
        mixed.computeFraction = (computeFraction * us) / (us + apart)
        return mixed
      },
    },
    leftOutErrors: { analytic: errorOf(graph, errors) },
    assumptions:
      load === undefined && graph.operators.some((operator) => operator.kind === 'moe') ? [...assumptions, randomRouting] : assumptions,
  }
}

/** Median error on curves left out, mean over the families that a model is made of, share. Kernels that only move memory are taken as matrix products. */
function errorOf(graph: OperatorGraph, errors: AnalyticGpu['errors']): number {
  const used = new Set<Family>(['decode', 'prefill'])
  for (const operator of graph.operators) {
    if (operator.kind === 'gemm') used.add(isFp8(operator) ? 'gemmFp8' : 'gemm')
    else if (operator.kind === 'moe') used.add(isFp8(operator) ? 'moeFp8' : 'moe')
  }
  const known = [...used].map((family) => errors[family]).filter((error) => error !== undefined)
  return known.reduce((sum, error) => sum + error, 0) / known.length
}

/** Scales of whole tensors or of blocks: the products are the same, and the fits are of the first, experts' of the second. */
function isFp8({ precision }: { precision?: Precision }): boolean {
  return precision === 'fp8' || precision === 'fp8-block'
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

/** @throws ServesimError where the chip's rate in a format is unknown, or no kernel of it was fitted */
function requireFitted(operator: Operator, spec: DeviceSpec, c: CoefficientSet, path: string): void {
  if (operator.kind === 'elementwise') return
  const hint = 'Use a 16-bit model and KV cache, or a measured bundle with `--profile`.'
  const refuse = (message: string) => new ServesimError('SERVESIM_CAPABILITY_MISMATCH', path, message, hint)
  if (operator.kind === 'attention') {
    if (operator.kvBytesPerElement === fittedBytes) return
    throw refuse(
      `The analytic "${spec.name}" prices 16-bit KV; "${operator.name}" has elements of ${operator.kvBytesPerElement} bytes, whose kernels were not fitted.`,
    )
  }
  if (isFp8(operator)) {
    if (spec.fp8FlopPerSecond === undefined)
      throw refuse(
        `The 8-bit rate of "${spec.name}" is unknown or it has none, and "${operator.name}" multiplies in ${operator.precision}.`,
      )
    if ((operator.kind === 'moe' ? c.moeFp8 : c.gemmFp8) !== undefined) return
    throw refuse(`No kernel in ${operator.precision} was fitted for "${spec.name}", and "${operator.name}" needs one.`)
  }
  if (operator.weightBytesPerElement === fittedBytes && operator.activationBytesPerElement === fittedBytes) return
  throw refuse(
    `The analytic "${spec.name}" prices 16-bit and fp8 operators; "${operator.name}" has elements of ${operator.weightBytesPerElement} bytes${operator.precision === undefined ? '' : ` (${operator.precision})`}.`,
  )
}
