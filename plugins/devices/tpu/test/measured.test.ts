import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { device, Registry } from '@servesim/core'
import { catalogue } from '@servesim/models'
import { type Bundle, Curve } from '@servesim/profile'
import { importLlmservingsimV0 } from '@servesim/profile/node'
import { describe, expect, it } from 'vitest'
import { tpu } from '../src/index.js'

// LLMServingSim's profile of one TPU v6e; it is not part of this repository.
const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))
const folder = `${data}/llmservingsim/profiler/v0`

describe.skipIf(!existsSync(folder))('the analytic TPU v6e beside the measured one (skipped where SERVESIM_DATA holds none)', () => {
  const model = catalogue.resolve('meta-llama/Llama-3.1-8B')!
  const graph = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
  const provider = new Registry([tpu]).named(device, 'TPU-v6e-1', '')
  const compiled = (bundle?: Bundle) =>
    provider
      .build(provider.options.parse({ bundle }), { path: '', model: model.id, tensorParallel: 1 })
      .compile(graph, { tensorParallel: 1, maxBatchedTokens: 2048, maxSequences: 128 })

  it('errs by', () => {
    const bundle = importLlmservingsimV0(folder, {}, { graph: () => graph })
    const analytic = compiled()
    const products: Record<string, number[]> = {}
    const [shard] = bundle.shards
    for (const samples of [...shard!.tokens, ...shard!.sequences]) {
      const operator = graph.operators.find(({ name }) => name === samples.operator)
      if (operator?.kind !== 'gemm') continue
      products[operator.name] = Array.from(
        samples.rows,
        (rows, i) => analytic.latency(operator, rows).ns / (samples.latencyUs[i]! * 1e3) - 1,
      )
    }
    const decode: number[] = []
    const prefill: number[] = []
    const { newTokens, context, decodes, decodeContext, latencyUs } = shard!.attention
    for (const [i, us] of latencyUs.entries()) {
      const ns =
        decodes[i]! > 0
          ? new Curve(analytic.attention.contextTokens, analytic.attention.decodeRowNs(decodes[i]!, decodes[i]!)).at(decodeContext[i]!).ns
          : analytic.attention.mixedNs(newTokens[i]!, context[i]!, 0, 0).ns
      ;(decodes[i]! > 0 ? decode : prefill).push(ns / (us * 1e3) - 1)
    }
    const all = { ...products, 'decode attention': decode, 'prefill attention': prefill }
    const lines = Object.entries(all).map(
      ([name, errors]) => `${name} ${percent(errors, 0.5)} · ${percent(errors, 0.9)} (${errors.length})`,
    )
    console.info(`analytic TPU v6e, median · P90 in percent: ${lines.join(', ')}`)
    expect(Number(percent(decode, 0.5))).toBeLessThan(3)
    expect(Number(percent(prefill, 0.5))).toBeLessThan(8)
    expect(Number(percent(Object.values(products).flat(), 0.5))).toBeLessThan(15)
  })
})

function percent(errors: readonly number[], share: number): string {
  const sorted = errors.map(Math.abs).sort((a, b) => a - b)
  return (100 * sorted[Math.floor(share * (sorted.length - 1))]!).toFixed(1)
}
