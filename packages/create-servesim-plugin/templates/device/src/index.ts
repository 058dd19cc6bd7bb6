import {
  type Attention,
  type CompiledDevice,
  type Device,
  type DeviceSpec,
  definePlugin,
  device,
  type Latency,
  type Operator,
  type Plugin,
} from '@servesim/core'
import { z } from 'zod'

const spec: DeviceSpec = {
  name: 'example-name',
  vendor: 'ExampleName',
  memoryBytes: 64 * 2 ** 30,
  memoryBytesPerSecond: 1.6e12,
  bf16FlopPerSecond: 4e14,
  linkBytesPerSecond: 2e11,
  linkKind: 'other',
  source: 'invented; name the data sheet here',
}

const options = z.strictObject({
  efficiency: z.number().gt(0).max(1).default(0.6).describe('Share of the published peaks that kernels reach, 0–1'),
  launchUs: z.number().min(0).max(1e4).default(4).describe('Every kernel, before its first byte'),
})

type Options = z.output<typeof options>

/** A roofline: an operator takes as long as its arithmetic or its memory traffic, whichever is longer. */
export const exampleName: Plugin = definePlugin('device-example-name', (host) => {
  host.provide(device, {
    name: 'example-name',
    description: 'A roofline over published peaks.',
    options,
    build: (own): Device => ({ spec, collectives: [], compile: (graph) => compile(own, attentionOf(graph.operators)) }),
  })
})

export default exampleName

function compile(own: Options, shape: Attention | undefined): CompiledDevice {
  const contextTokens = Float64Array.from([0, 1024, 8192, 131_072])
  // Keys and values of one token of context, and the arithmetic of one new token with one of context.
  const contextBytes = shape === undefined ? 0 : 2 * shape.kvHeads * shape.headDim * shape.kvBytesPerElement
  const pairFlop = shape === undefined ? 0 : 4 * shape.heads * shape.headDim
  return {
    latency: (operator, rows) => rooflineOf(own, operator, rows),
    attention: {
      contextTokens,
      measuredContextTokens: 131_072,
      decodeProvenance: 'analytic',
      decodeRowNs: (decodes) =>
        contextTokens.map((context) => roofline(own, decodes * context * pairFlop, decodes * context * contextBytes).ns),
      mixedNs(newTokens, context, decodes, decodeContext) {
        // Several prompts of one step are given as one behind a context below 0.
        const pairs = newTokens * Math.max(0, context + newTokens / 2) + decodes * decodeContext
        const read = Math.max(0, context) + newTokens + decodes * decodeContext
        return roofline(own, pairs * pairFlop, read * contextBytes)
      },
    },
    assumptions: [`Kernels reach ${own.efficiency} of the published peaks.`],
  }
}

function rooflineOf(own: Options, operator: Exclude<Operator, Attention>, rows: number): Latency {
  if (operator.kind === 'elementwise') return roofline(own, 0, rows * operator.bytesPerRow)
  if (operator.kind === 'gemm') {
    const { n, k, weightBytesPerElement: weight, activationBytesPerElement: activation } = operator
    return roofline(own, 2 * rows * n * k, n * k * weight + rows * (n + k) * activation)
  }
  // Tokens pick experts at random, so that some experts are read once and others not at all.
  const { experts, localExperts, topK, hiddenSize, intermediateSize, weightBytesPerElement } = operator
  const visited = localExperts * (1 - (1 - topK / experts) ** rows)
  const expertWeights = 3 * hiddenSize * intermediateSize
  const pairs = (rows * topK * localExperts) / experts
  return roofline(own, 2 * pairs * expertWeights, visited * expertWeights * weightBytesPerElement)
}

function roofline({ efficiency, launchUs }: Options, flop: number, bytes: number): Latency {
  const arithmeticNs = (flop / spec.bf16FlopPerSecond) * 1e9
  const memoryNs = (bytes / spec.memoryBytesPerSecond) * 1e9
  return {
    ns: launchUs * 1e3 + Math.max(arithmeticNs, memoryNs) / efficiency,
    provenance: 'analytic',
    computeFraction: arithmeticNs > memoryNs ? 1 : 0,
  }
}

function attentionOf(operators: readonly Operator[]): Attention | undefined {
  return operators.find((operator) => operator.kind === 'attention')
}
