import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { AttentionTable } from '../attention-table.js'
import type { AttentionSamples, Bundle, OperatorSamples } from '../bundle.js'
import { formatBundle, parseBundle } from '../bundle-files.js'
import { Curve } from '../curve.js'
import { inspectBundle } from '../inspect.js'
import { stragglerFacts } from '../straggler.js'
import { importLlmservingsim, llmservingsim } from './llmservingsim.js'

// Profiles recorded by LLMServingSim on an RTX PRO 6000 (vLLM 0.19.0); they are not part of this repository.
const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))
const perf = `${data}/llmservingsim/profiler/perf`

describe.skipIf(!existsSync(perf))('recorded profiles (skipped where SERVESIM_DATA holds none)', () => {
  let llama: Bundle
  let attention: AttentionTable
  beforeAll(() => {
    llama = importLlmservingsim(perf, { model: 'Llama-3.1-8B' })
    attention = new AttentionTable(llama.shards[0]!.attention, 'tp1')
  })

  it('lists every profile', async () => {
    expect(await llmservingsim.list(perf)).toEqual([
      { device: 'RTXPRO6000', model: 'Qwen/Qwen3-30B-A3B-Instruct-2507', dtype: 'bf16', kvCacheDtype: 'auto', tensorParallel: [1, 2] },
      { device: 'RTXPRO6000', model: 'meta-llama/Llama-3.1-8B', dtype: 'bf16', kvCacheDtype: 'auto', tensorParallel: [1, 2] },
    ])
  })

  it('imports the dense model whole', () => {
    const tp1 = llama.shards[0]!
    expect(tp1.tokens.map((s) => s.rows.length)).toEqual(Array(9).fill(152))
    expect(tp1.sequences.map((s) => [s.operator, s.rows.length])).toEqual([
      ['lm_head', 40],
      ['sampler', 40],
    ])
    expect(tp1.attention.latencyUs.length).toBe(19364)
    expect(llama.moe).toBeUndefined()
    expect(llama.collectives.map((c) => [c.collective, c.ranks, c.bytes.length])).toEqual([
      ['all-gather', 2, 24],
      ['all-reduce', 2, 24],
      ['reduce-scatter', 2, 24],
    ])
    expect(inspectBundle(llama).warnings).toContainEqual(expect.stringContaining('up to 256 alone and up to 128 beside'))
  })

  it('imports the MoE model with its experts, for degree 2 alone too', () => {
    const qwen = importLlmservingsim(perf, { model: 'Qwen3-30B-A3B-Instruct-2507', tensorParallel: 2 })
    expect(qwen.moe?.latencyUs.length).toBe(50)
    expect(qwen.shards[0]!.tokens.map((s) => s.operator)).toContain('qk_norm')
  })

  it('survives the round trip through its own format', () => {
    const files = formatBundle(llama)
    expect(parseBundle((file) => files[file], 'b')).toEqual(llama)
  })

  it('looks every measured shape up as measured', () => {
    const { newTokens, context, decodes, decodeContext, latencyUs } = llama.shards[0]!.attention
    let wrong = 0
    for (let i = 0; i < latencyUs.length; i++) {
      if (newTokens[i] === 0) continue
      const { ns, provenance } = attention.mixedNs(newTokens[i]!, context[i]!, decodes[i]!, decodeContext[i]!)
      if (ns !== latencyUs[i]! * 1000 || provenance !== 'measured') wrong++
    }
    expect(wrong).toBe(0)
  })

  it("gives LLMServingSim's first token of a 10-token prompt, but for what it charges a chunk below 16", () => {
    const { tokens, sequences } = llama.shards[0]!
    const at = (table: OperatorSamples[], operator: string, rows: number) => {
      const samples = table.find((s) => s.operator === operator)!
      return new Curve(samples.rows, samples.latencyUs).at(rows).ns * 1000
    }
    const of = (operator: string) => at(tokens, operator, 10)
    const block = ['qkv_proj', 'rotary_emb', 'o_proj', 'gate_up_proj', 'act_fn', 'down_proj'].reduce(
      (sum, name) => sum + of(name),
      2 * of('layernorm'),
    )
    const rest = of('embedding') + 32 * block + of('final_layernorm') + at(sequences, 'lm_head', 1) + at(sequences, 'sampler', 1)
    // It blends 1 decode at context 16 (8.35233 µs) and the chunk of 16 (7.76533 µs) by 10/16.
    expect(Math.abs(rest + 32 * (8352.33 + (10 / 16) * (7765.33 - 8352.33)) - 10_998_250)).toBeLessThan(400)
    const ours = rest + 32 * attention.mixedNs(10, 0, 0, 0).ns
    expect(Math.abs(ours / 10_998_250 - 1)).toBeLessThan(0.001)
  })

  it('predicts attention rows that are left out', () => {
    const errors = leaveOut(llama.shards[0]!.attention, 20)
    const at = (share: number) => errors[Math.floor(share * (errors.length - 1))]!
    console.info(
      `left-out attention rows: median ${(at(0.5) * 100).toFixed(2)} %, P90 ${(at(0.9) * 100).toFixed(1)} %, of ${errors.length}`,
    )
    expect(at(0.5)).toBeLessThan(0.02)
    expect(at(0.9)).toBeLessThan(0.08)
  })

  it('never prices a batch of several prompts above one prompt of the same tokens', () => {
    for (const tokens of [100, 512, 1500, 2048, 6000])
      for (const decodes of [0, 20, 100]) {
        let above = attention.mixedNs(tokens, 0, decodes, 700).ns
        for (let prompts = 2; prompts <= 32; prompts *= 2) {
          const ns = attention.mixedNs(tokens, tokens / prompts / 2 - tokens / 2, decodes, 700).ns
          expect(ns).toBeLessThanOrEqual(above)
          expect(ns).toBeGreaterThan(0)
          above = ns
        }
      }
  })

  it('prices shapes far beyond the grid at no less than the chunk or the decodes alone, nearly', () => {
    const decodesNs = (decodes: number, context: number) => {
      const row = attention.decodeRowNs(decodes)
      return new Curve(attention.contextTokens, row).at(context).ns
    }
    for (const tokens of [1, 100, 926, 2048, 30_000])
      for (const context of [0, 5000, 20_000, 94_000, 1_000_000])
        for (const decodes of [1, 9, 78, 200, 1000])
          for (const decodeContext of [1, 700, 12_000, 56_000, 500_000]) {
            const { ns } = attention.mixedNs(tokens, context, decodes, decodeContext)
            expect(ns).toBeGreaterThan(0.8 * decodesNs(decodes, decodeContext))
            expect(ns).toBeGreaterThan(0.8 * attention.mixedNs(tokens, context, 0, 0).ns)
          }
  })

  it('finds the speed limit of a thread block the same in every profile', () => {
    const spec = {
      name: 'x',
      vendor: 'x',
      memoryBytes: 1,
      memoryBytesPerSecond: 1,
      bf16FlopPerSecond: 1,
      streamingMultiprocessors: 188,
      source: '',
    }
    for (const model of ['Llama-3.1-8B', 'Qwen3-30B-A3B-Instruct-2507'])
      for (const tensorParallel of [1, 2]) {
        const facts = stragglerFacts(importLlmservingsim(perf, { model, tensorParallel }), spec, tensorParallel)!
        expect(facts.blockNsPerContextToken).toBeGreaterThan(20.5)
        expect(facts.blockNsPerContextToken).toBeLessThan(22.5)
      }
  })
})

/** Relative errors, ascending, of every row predicted from a table that lacks it and those `folds` rows further on. */
function leaveOut(samples: AttentionSamples, folds: number): number[] {
  const errors: number[] = []
  for (let fold = 0; fold < folds; fold++) {
    const kept = (values: Float64Array) => values.filter((_, i) => i % folds !== fold)
    const table = new AttentionTable(
      {
        newTokens: kept(samples.newTokens),
        context: kept(samples.context),
        decodes: kept(samples.decodes),
        decodeContext: kept(samples.decodeContext),
        latencyUs: kept(samples.latencyUs),
      },
      'left-out',
    )
    for (let i = fold; i < samples.latencyUs.length; i += folds) {
      const [q, k, n, d] = [samples.newTokens[i]!, samples.context[i]!, samples.decodes[i]!, samples.decodeContext[i]!]
      const ns = q === 0 ? table.decodeRowNs(n)[table.contextTokens.indexOf(d)]! : table.mixedNs(q, k, n, d).ns
      errors.push(Math.abs(ns / (samples.latencyUs[i]! * 1000) - 1))
    }
  }
  return errors.sort((a, b) => a - b)
}
