import { type Attention, isServesimError, type OperatorGraph } from '@servesim/core'
import { catalogue } from '@servesim/models'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyticDevice } from './analytic-device.js'
import { analyticGpu, kernelReleases } from './analytic-gpus.js'
import { type ChipName, chips } from './chips.js'
import { gpuOf } from './gpu.js'
import { decodeAttention } from './roofline/decode-attention.js'

const names = Object.keys(chips) as ChipName[]
const limits = { maxBatchedTokens: 8192, maxSequences: 256 }

function graphOf(model: string, tensor = 1): OperatorGraph {
  return catalogue.resolve(model)!.shard({ tensor, pipeline: 1, expert: 1 }, {})
}

function compiled(chip: ChipName, graph: OperatorGraph, tensorParallel = 1) {
  return analyticDevice(analyticGpu(chip, kernelReleases(chip)[0]), 'pools[0].device').compile(graph, { tensorParallel, ...limits })
}

describe.each(names)('the analytic %s', (chip) => {
  const dense = compiled(chip, graphOf('meta-llama/Llama-3.1-8B'))

  it('prices every operator of dense and MoE models, marked as analytic', () => {
    for (const model of ['meta-llama/Llama-3.1-8B', 'Qwen/Qwen3-30B-A3B']) {
      const graph = graphOf(model)
      const device = compiled(chip, graph)
      for (const operator of graph.operators) {
        if (operator.kind === 'attention') continue
        for (const rows of [1, 7, 256, 8192]) {
          const { ns, provenance, computeFraction } = device.latency(operator, rows)
          expect(ns).toBeGreaterThan(1000)
          expect(provenance).toBe('analytic')
          expect(computeFraction).toBeGreaterThanOrEqual(0)
          expect(computeFraction).toBeLessThanOrEqual(1)
        }
      }
    }
  })

  it('verifies drafts in one pass over the KV cache: more of them take hardly longer', () => {
    const { attention } = dense
    for (const decodes of [1, 16, 200]) {
      const [two, four, eight] = [2, 4, 8].map((tokens) => attention.verifyRowNs!(decodes, decodes, tokens))
      for (const [i, ns] of two!.entries()) {
        expect(four![i]).toBeGreaterThanOrEqual(ns)
        expect(eight![i]).toBeGreaterThanOrEqual(four![i]!)
        // Their own bytes are few beside those of long contexts.
        if (attention.contextTokens[i]! >= 1024) expect(eight![i]).toBeLessThan(1.05 * ns)
      }
      // Where query heads and tokens share tiles, they cost what one token does.
      if (chips[chip].attention.packsQueryHeads) expect(four).toEqual(attention.decodeRowNs(decodes, decodes))
    }
  })

  it('gives decode rows on a grid so dense that what lies between is within 0.5 %', () => {
    const { contextTokens } = dense.attention
    const { spec, attention } = analyticGpu(chip, kernelReleases(chip)[0])
    const gpu = gpuOf(spec, attention)
    const { decode } = analyticGpu(chip, kernelReleases(chip)[0]).coefficients
    const shape = graphOf('meta-llama/Llama-3.1-8B').operators.find((o): o is Attention => o.kind === 'attention')!
    for (const decodes of [1, 3, 16, 60, 128, 256]) {
      const row = dense.attention.decodeRowNs(decodes, decodes)
      expect(row).toHaveLength(contextTokens.length)
      for (let i = 1; i < contextTokens.length; i++) {
        const middle = (contextTokens[i - 1]! + contextTokens[i]!) / 2
        const linear = (row[i - 1]! + row[i]!) / 2
        const exact = decodeAttention(gpu, decode, shape, decodes, middle).us * 1e3
        expect(Math.abs(linear / exact - 1), `${decodes} sequences of ${middle} tokens`).toBeLessThan(0.005)
      }
    }
  })

  it('splits contexts by the sequences that a kernel is launched for', () => {
    const at = (launched: number) => dense.attention.decodeRowNs(5, launched).at(-1)!
    expect(at(5)).toBeLessThanOrEqual(at(256) * 1.001)
    // On few multiprocessors five sequences fill memory's bandwidth as they are.
    if (analyticGpu(chip, kernelReleases(chip)[0]).spec.streamingMultiprocessors > 100) expect(at(5)).toBeLessThan(at(256))
  })

  it('prices mixed steps for any mix of prompts and decodes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8192 }),
        fc.nat(100_000),
        fc.nat(256),
        fc.nat(100_000),
        fc.nat(64),
        (q, context, decodes, decodeContext, prompts) => {
          const equivalent = prompts > 1 && prompts <= q ? (q / prompts - q) / 2 : context
          const { ns, computeFraction } = dense.attention.mixedNs(q, equivalent, decodes, decodeContext)
          expect(ns).toBeGreaterThan(1000)
          expect(ns).toBeLessThan(1e12)
          expect(computeFraction).toBeGreaterThanOrEqual(0)
          expect(computeFraction).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  it('lets no rank of a tensor-parallel pair be slower than the whole', () => {
    const whole = graphOf('meta-llama/Llama-3.1-8B')
    const half = graphOf('meta-llama/Llama-3.1-8B', 2)
    const pair = compiled(chip, half, 2)
    whole.operators.forEach((operator, i) => {
      const shard = half.operators[i]!
      if (operator.kind === 'attention' || shard.kind === 'attention') return
      for (const rows of [1, 16, 100, 512, 4096]) expect(pair.latency(shard, rows).ns).toBeLessThanOrEqual(dense.latency(operator, rows).ns)
    })
    for (const decodes of [1, 16, 128]) {
      const [ours, theirs] = [pair.attention.decodeRowNs(decodes, decodes), dense.attention.decodeRowNs(decodes, decodes)]
      ours.forEach((ns, i) => {
        // Fewer heads are split into more parts, which then have to be combined.
        expect(ns).toBeLessThanOrEqual(theirs[i]! * 1.05)
      })
    }
  })
})

describe('what an analytic device refuses', () => {
  const graph = graphOf('meta-llama/Llama-3.1-8B')
  const attempt = (operators: OperatorGraph['operators']) => {
    try {
      compiled('h100-sxm', { ...graph, operators })
    } catch (error) {
      return isServesimError(error) ? `${error.code} ${error.path} ${error.message}` : error
    }
    return 'nothing'
  }

  it('is elements of neither 16 bits nor fp8', () => {
    const fourBits = graph.operators.map((o) =>
      o.kind === 'gemm' ? { ...o, weightBytesPerElement: 0.5625, precision: 'nvfp4' as const } : o,
    )
    expect(attempt(fourBits)).toMatch(/SERVESIM_CAPABILITY_MISMATCH pools\[0\]\.device .*"qkv_proj" has elements of 0.5625 bytes \(nvfp4\)/)
    const eightBitKv = graph.operators.map((o) => (o.kind === 'attention' ? { ...o, kvBytesPerElement: 1 } : o))
    expect(attempt(eightBitKv)).toMatch(/"attention" has elements of 1 bytes/)
  })

  it('is fp8 where the rate is unknown, saying so, or where no kernel of it was fitted', () => {
    const fp8 = catalogue.resolve({ _name_or_path: 'meta-llama/Llama-3.1-8B', quantization_config: { quant_method: 'fp8' } })!
    const sharded = fp8.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
    expect(() => compiled('a100-80-sxm', sharded)).toThrow(/The 8-bit rate of "a100-80-sxm" is unknown or it has none/)
    const operator = sharded.operators.find((o) => o.name === 'gate_up_proj')!
    const wide = graph.operators.find((o) => o.name === 'gate_up_proj')!
    if (operator.kind !== 'gemm' || wide.kind !== 'gemm') throw new Error('gate_up_proj is missing')
    expect(compiled('h100-sxm', sharded).latency(operator, 4096).ns).toBeLessThan(compiled('h100-sxm', graph).latency(wide, 4096).ns)
  })

  it('is a model without attention, or with two shapes of it', () => {
    expect(attempt(graph.operators.filter((o) => o.kind !== 'attention'))).toMatch(/no attention/)
    const another = graph.operators.filter((o) => o.kind === 'attention').map((o) => ({ ...o, headDim: 64 }))
    expect(attempt([...graph.operators, ...another])).toMatch(/different shapes/)
  })
})
