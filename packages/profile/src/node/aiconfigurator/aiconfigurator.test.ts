import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Attention, Moe } from '@servesim/core'
import { describe, expect, it, test } from 'vitest'
import { attentionSamples, isSoundPrefill } from './attention.js'
import { engineAllReduces, ncclCollectives } from './collectives.js'
import { GemmTable } from './gemms.js'
import { moeCurve, moeDtypes } from './moe.js'
import { listSystems, readSystem } from './systems.js'
import { type Row, SystemTables } from './tables.js'

const gemmRow = (m: number, n: number, k: number, latency: number): Row => ({ gemm_dtype: 'bfloat16', m, n, k, latency })

describe('matrix products', () => {
  const rows = [1, 2].flatMap((m) => [1024, 4096].flatMap((n) => [1024, 2048].map((k) => gemmRow(m, n, k, m * n * k * 1e-9))))
  const table = new GemmTable(rows, 'bfloat16')

  it('are as measured where their n and k are in the table', () => {
    expect(table.curve(4096, 1024)).toMatchObject({ provenance: 'measured', m: Float64Array.of(1, 2) })
    expect(table.curve(4096, 1024)!.us[1]).toBeCloseTo(2 * 4096 * 1024 * 1e-6, 9)
  })

  it('lie between measured ones, linear in n and in k, or beyond them', () => {
    const between = table.curve(2048, 1536)!
    expect(between.provenance).toBe('interpolated')
    expect(between.us[0]).toBeCloseTo(2048 * 1536 * 1e-6, 9)
    const beyond = table.curve(8192, 1024)!
    expect(beyond.provenance).toBe('extrapolated')
    expect(beyond.us[0]).toBeCloseTo(8192 * 1024 * 1e-6, 9)
  })

  it('of another number format are none', () => {
    expect(new GemmTable(rows, 'fp8').curve(4096, 1024)).toBeUndefined()
  })

  it('take the rows that serving steps meet: padded ones up to 512, then unaligned ones', () => {
    const unaligned = [256, 257, 512, 513, 768, 769, 1024].map((m) => gemmRow(m, 64, 64, m % 2 === 0 ? 1 : 2))
    const { m, us } = new GemmTable(unaligned, 'bfloat16').curve(64, 64)!
    expect([...m]).toEqual([256, 512, 513, 769, 1024])
    expect([...us]).toEqual([1000, 1000, 2000, 2000, 1000])
  })

  it('of few rows take no longer than those of more: an outlier of the table is not believed', () => {
    const { us } = new GemmTable([gemmRow(1, 64, 64, 0.03), gemmRow(2, 64, 64, 0.01), gemmRow(8, 64, 64, 0.012)], 'bfloat16').curve(64, 64)!
    expect([...us]).toEqual([10, 10, 12])
  })
})

describe('attention', () => {
  const shape: Attention = {
    kind: 'attention',
    name: 'attention',
    class: 'attention',
    repeat: 1,
    heads: 16,
    kvHeads: 4,
    headDim: 128,
    kvBytesPerElement: 2,
  }
  const row = (heads: number, kv: number, more: Record<string, number>, latency: number): Row => ({
    num_heads: heads,
    num_key_value_heads: kv,
    head_dim: 128,
    kv_cache_dtype: 'bfloat16',
    latency,
    ...more,
  })
  const tables = (heads: number[], kv: number) => ({
    prefill: heads.flatMap((h) => [row(h, kv, { batch_size: 2, isl: 512 }, h / 1000), row(h, kv, { batch_size: 2, isl: 1 }, 9)]),
    decode: heads.map((h) => row(h, kv, { batch_size: 8, isl: 1, step: 1023 }, h / 500)),
  })

  it('holds prompts in batches, and decodes with the new token counted', () => {
    const { samples, derived } = attentionSamples(tables([16], 4), shape)!
    expect(derived).toBeUndefined()
    expect(samples).toEqual({
      newTokens: Float64Array.of(1024, 0),
      prompts: Float64Array.of(2, 0),
      context: Float64Array.of(0, 0),
      decodes: Float64Array.of(0, 8),
      decodeContext: Float64Array.of(0, 1024),
      latencyUs: Float64Array.of(16, 32),
    })
  })

  it('lies between measured head counts, and is scaled from the nearest of the same grouping beyond them', () => {
    const between = attentionSamples(tables([8, 32], 4), shape)!
    expect(between.derived).toBe('interpolated')
    expect([...between.samples.latencyUs]).toEqual([16, 32])
    const beyond = attentionSamples(tables([8], 2), shape)!
    expect(beyond.derived).toBe('extrapolated')
    expect([...beyond.samples.latencyUs]).toEqual([16, 32])
    expect(attentionSamples(tables([8], 4), shape)).toBeUndefined()
  })

  it('is not read from rows with a window or another KV type', () => {
    const { prefill, decode } = tables([16], 4)
    const windowed = { prefill: prefill.map((r) => ({ ...r, window_size: 128 })), decode }
    expect(attentionSamples(windowed, shape)).toBeUndefined()
    expect(attentionSamples({ prefill, decode }, { ...shape, kvBytesPerElement: 1 })).toBeUndefined()
  })

  it('is refused where prefill is faster than the chip', () => {
    const prefill = [row(32, 8, { batch_size: 1, isl: 8192 }, 1)]
    expect(isSoundPrefill(989e12)(prefill)).toBe(true)
    expect(isSoundPrefill(100e12)(prefill)).toBe(false)
  })
})

describe('experts', () => {
  const moe: Moe = {
    kind: 'moe',
    name: 'moe',
    class: 'moe',
    repeat: 1,
    experts: 8,
    localExperts: 8,
    topK: 2,
    hiddenSize: 64,
    intermediateSize: 32,
    weightBytesPerElement: 2,
    activationBytesPerElement: 2,
  }
  const row = (tensor: number, tokens: number, latency: number, dtype = 'bfloat16'): Row => ({
    moe_dtype: dtype,
    num_tokens: tokens,
    hidden_size: 64,
    inter_size: 128,
    topk: 2,
    num_experts: 8,
    moe_tp_size: tensor,
    moe_ep_size: 1,
    distribution: 'power_law_1.2',
    latency,
  })

  it('are as measured at their degree, and shares of the finest cut beyond it', () => {
    expect(moeCurve([row(4, 8, 0.5), row(4, 1, 0.2)], moe, 4, ['bfloat16'], 'power_law_1.2')).toEqual({
      tokens: Float64Array.of(1, 8),
      us: Float64Array.of(200, 500),
      provenance: 'measured',
      dtype: 'bfloat16',
    })
    expect(moeCurve([row(2, 1, 0.2)], moe, 4, ['bfloat16'], 'power_law_1.2')).toMatchObject({
      us: Float64Array.of(100),
      provenance: 'extrapolated',
    })
    expect(moeCurve([row(8, 1, 0.2)], moe, 4, ['bfloat16'], 'power_law_1.2')).toBeUndefined()
  })

  it('fall back to a format of the same width', () => {
    expect(moeDtypes({ ...moe, precision: 'fp8-block' })).toEqual(['fp8_block', 'fp8'])
    expect(moeCurve([row(4, 1, 0.2, 'fp8')], moe, 4, ['fp8_block', 'fp8'], 'power_law_1.2')?.dtype).toBe('fp8')
  })
})

describe('collectives', () => {
  it('count bytes of 16-bit elements, inside a graph, and never fall with size', () => {
    const row = (backend: string, message_size: number, latency: number): Row => ({ backend, num_gpus: 2, message_size, latency })
    const rows = [row('vllm_graph', 128, 0.02), row('vllm_graph', 256, 0.01), row('vllm_eager', 128, 0.001)]
    expect(engineAllReduces(rows)).toEqual([
      { collective: 'all-reduce', ranks: 2, bytes: Float64Array.of(256, 512), latencyUs: Float64Array.of(10, 10) },
    ])
  })

  it('give gathers by the part of one rank', () => {
    const row = { op_name: 'all_gather', nccl_dtype: 'half', num_gpus: 4, message_size: 1024, latency: 0.01 }
    expect(ncclCollectives([row])).toEqual([
      { collective: 'all-gather', ranks: 4, bytes: Float64Array.of(512), latencyUs: Float64Array.of(10) },
    ])
  })
})

test('a folder without systems has none, and says so', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  expect(listSystems(folder)).toEqual([])
  expect(() => readSystem(folder, 'h100_sxm')).toThrow(/There are no tables of "h100_sxm" here/)
})

const data = `${process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../../shared/data', import.meta.url))}/aiconfigurator`

// Needs the operator tables of NVIDIA AIConfigurator at SERVESIM_DATA; skipped where they are absent.
describe.skipIf(!existsSync(data))('the tables of an H100', () => {
  const tables = existsSync(data) ? new SystemTables(readSystem(data, 'h100_sxm'), 'vllm') : undefined!

  it('come from the release asked for, else from the newest', async () => {
    expect(tables.releases('comm', 'custom_allreduce_perf')).toEqual(['0.19.0', '0.24.0'])
    expect((await tables.nearest('comm', 'custom_allreduce_perf', '0.19')).release).toBe('0.19.0')
    expect((await tables.nearest('comm', 'custom_allreduce_perf', '0.12.0')).release).toBe('0.24.0')
    await expect(tables.nearest('comm', 'custom_allreduce_perf', undefined, () => false)).rejects.toThrow(/No release has a sound table/)
  })
})
