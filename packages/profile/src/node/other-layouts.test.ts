import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OperatorGraph } from '@servesim/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importLlmservingsimV0, llmservingsimV0 } from './llmservingsim-v0.js'
import { openBundle } from './open-bundle.js'
import { importVidur, vidur } from './vidur.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'servesim-import-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function write(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

/** As much of a model as the importer asks for: 4 query heads and 2 KV heads of 8. */
const graph = {
  operators: [
    { kind: 'gemm', name: 'qkv_proj', n: 64, k: 32 },
    { kind: 'gemm', name: 'o_proj', n: 32, k: 32 },
    { kind: 'gemm', name: 'gate_up_proj', n: 96, k: 32 },
  ],
} as OperatorGraph
const context = { graph: () => graph }

describe('llmservingsim-v0', () => {
  const folder = 'perf_models/CHIP/org/Tiny/tp1'
  const layers = (rows: string) => `layer_name,input,kv_cache,tp_size,latency(ns)\n${rows}`
  const whole = layers(
    'q_proj,1,0,1,1000\nq_proj,4,0,1,2000\nk_proj,1,0,1,500\nk_proj,4,0,1,600\nv_proj,1,0,1,500\nv_proj,4,0,1,600\n' +
      'gate_proj,1,0,1,300\ngate_proj,4,0,1,500\nup_proj,4,0,1,500\ninput_layernorm,1,0,1,10\npost_layernorm,1,0,1,30\n' +
      'act_fn,1,0,1,33\nlm_head,1,0,1,9000\n',
  )
  const attention =
    'prefill_chunk_size,kv_cache_size,batch_size,is_prefill,mean_ns\n' +
    '32,0,1,True,7000\n64,32,1,True,9000\n0,32,1,False,5000\n0,32,8,False,6000\n0,32,8,False,8000\n'

  it.each(['', 'perf_models/CHIP', folder])('reads layers, and attention with repeated shapes by their mean, from "%s"', (level) => {
    write({ [`${folder}/layers.csv`]: whole, [`${folder}/attention.csv`]: attention })
    expect(llmservingsimV0.recognises(join(root, level))).toBe(true)
    const { manifest, shards } = importLlmservingsimV0(join(root, level), {}, context)
    expect(manifest).toMatchObject({ device: 'CHIP', model: 'org/Tiny', tensorParallel: [1] })
    const latencies = Object.fromEntries(shards[0]!.tokens.map(({ operator, latencyUs }) => [operator, [...latencyUs]]))
    expect(latencies).toEqual({ qkv_proj: [2, 3.2], gate_up_proj: [0.8, 1], layernorm: [0.02] })
    expect(shards[0]!.sequences.map(({ operator }) => operator)).toEqual(['lm_head'])
    expect(shards[0]!.attention).toEqual({
      newTokens: Float64Array.of(32, 64, 0, 0),
      context: Float64Array.of(0, 32, 0, 0),
      decodes: Float64Array.of(0, 0, 1, 8),
      decodeContext: Float64Array.of(0, 0, 32, 32),
      latencyUs: Float64Array.of(7, 9, 5, 7),
    })
  })

  it('says what it extrapolated or left out', () => {
    write({ [`${folder}/layers.csv`]: layers('q_proj,1,0,1,1000\nact_fn,1,0,1,33\n'), [`${folder}/attention.csv`]: attention })
    const { manifest, shards } = importLlmservingsimV0(root, {}, context)
    expect(shards[0]!.tokens[0]!.latencyUs).toEqual(Float64Array.of(2))
    expect(manifest.notes).toEqual(
      expect.arrayContaining([
        'Extrapolated: qkv_proj is q_proj × 2, by its width, since k_proj and v_proj were not measured.',
        expect.stringContaining('act_fn was timed at one number of tokens alone'),
        'Choosing tokens was not measured and costs nothing.',
      ]),
    )
  })

  it('does not guess a width: a model that nobody knows is an error', () => {
    write({ [`${folder}/layers.csv`]: layers('q_proj,1,0,1,1000\n'), [`${folder}/attention.csv`]: attention })
    expect(() => importLlmservingsimV0(root)).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE' }))
  })

  it('takes what the predictor made where nothing was measured, and says where there is neither', () => {
    write({ [`${folder}/layers.csv`]: whole })
    expect(() => importLlmservingsimV0(root, {}, context)).toThrow(/neither attention.csv nor a prediction/)
    write({
      [`${folder}/predictions/attn_prefill_predictions.csv`]: 'kv_cache_size,prefill_chunk_size,prediction\n0,32,7000\n',
      [`${folder}/predictions/attn_decode_predictions.csv`]: 'batch_size,kv_cache_size,prediction\n2,64,5000\n',
    })
    const { attention } = importLlmservingsimV0(root, {}, context).shards[0]!
    expect([...attention.latencyUs]).toEqual([7, 5])
  })
})

describe('vidur', () => {
  const folder = 'data/compute/chip/org/Tiny'
  const kernels = [
    'emb',
    'input_layernorm',
    'attn_pre_proj',
    'attn_rope',
    'attn_post_proj',
    'post_attention_layernorm',
    'mlp_up_proj',
    'mlp_act',
    'mlp_down_proj',
    'add',
  ]
  const shape = 'n_expanded_embd,vocab_size,use_gated_mlp,num_tokens,num_tensor_parallel_workers'
  const mlp = [
    `${kernels.map((kernel) => `time_stats.${kernel}.mean`).join(',')},${shape}`,
    '1,2,3,4,5,6,7,8,9,10,50,400,True,16,1',
    '1,2,,4,5,6,7,8,9,10,50,400,True,8,1',
    '1,2,1,4,5,6,3,8,9,10,50,400,True,8,2\n',
  ].join('\n')
  const copies = ['attn_input_reshape', 'attn_kv_cache_save', 'attn_prefill', 'attn_decode', 'attn_output_reshape']
  const attention = [
    `${copies.map((kernel) => `time_stats.${kernel}.mean`).join(',')},num_tensor_parallel_workers,batch_size,prefill_chunk_size,kv_cache_size,is_prefill`,
    '0,1,10,0,0.5,1,1,64,0,True',
    '0,1,0,20,0.5,1,4,0,128,False\n',
  ].join('\n')

  it('reads kernels of a degree in µs, norms with their residual, attention with its copies, logits by width', () => {
    write({ [`${folder}/mlp.csv`]: mlp, [`${folder}/attention.csv`]: attention })
    const { manifest, shards } = importVidur(root, { tensorParallel: 1 })
    expect(manifest).toMatchObject({ device: 'chip', model: 'org/Tiny', tensorParallel: [1] })
    const [shard] = shards
    const of = (name: string) => shard!.tokens.find(({ operator }) => operator === name)
    expect(of('qkv_proj')).toEqual({ operator: 'qkv_proj', rows: Float64Array.of(16), latencyUs: Float64Array.of(3000) })
    expect(of('gate_up_proj')!.rows).toEqual(Float64Array.of(8, 16))
    expect(of('layernorm')!.latencyUs).toEqual(Float64Array.of(14_000, 14_000))
    expect(shard!.sequences).toEqual([{ operator: 'lm_head', rows: Float64Array.of(8, 16), latencyUs: Float64Array.of(28_000, 28_000) }])
    expect([...shard!.attention.latencyUs]).toEqual([11_500, 21_500])
    expect(manifest.notes[0]).toBe('Extrapolated: lm_head is mlp_up_proj × 4.000, by its width; it was not measured.')
  })

  it('takes the all-reduce among the GPUs of one node', () => {
    write({
      [`${folder}/mlp.csv`]: mlp,
      [`${folder}/attention.csv`]: attention,
      'data/network/chip_dgx/all_reduce.csv':
        'time_stats.all_reduce.mean,num_workers,size,devices_per_node\n0.03,2,4096,2\n0.05,2,4096,2\n9,2,4096,1\n0.01,2,2048,2\n',
    })
    expect(importVidur(root).collectives).toEqual([
      { collective: 'all-reduce', ranks: 2, bytes: Float64Array.of(2048, 4096), latencyUs: Float64Array.of(10, 40) },
    ])
  })

  it('a model without attention cannot be priced, and says so', () => {
    write({ [`${folder}/mlp.csv`]: mlp })
    expect(() => importVidur(root)).toThrow(
      expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', path: expect.stringMatching(/attention.csv$/) }),
    )
  })

  it('the later layout is read too: linear_op.csv, no organisation, lists in quotes, unequal prompts left out', () => {
    const later = 'compute/chip/tiny'
    const lists = attention.split('\n').map((line, i) => (line === '' ? '' : `${line},${i === 0 ? 'mode,seq_lens' : 'even,"[1, 2]"'}`))
    lists.splice(2, 0, '0,1,99,0,0.5,1,1,64,0,True,true_mixed,"[3, 61]"')
    write({ [`${later}/linear_op.csv`]: mlp, [`${later}/attention.csv`]: lists.join('\n') })
    const { manifest, shards } = importVidur(root, { tensorParallel: 1 })
    expect(manifest).toMatchObject({ device: 'chip', model: 'tiny' })
    expect([...shards[0]!.attention.latencyUs]).toEqual([11_500, 21_500])
  })
})

const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))

describe.skipIf(!existsSync(`${data}/vidur`))('recorded layouts (skipped where SERVESIM_DATA holds none)', () => {
  it('one TPU v6e: 8,404 shapes of attention, without a cell of decodes beside chunks', async () => {
    const tpu = await openBundle(`${data}/llmservingsim/profiler/v0`, {}, [llmservingsimV0], {
      graph: () =>
        ({
          operators: [
            { kind: 'gemm', name: 'qkv_proj', n: 6144, k: 4096 },
            { kind: 'gemm', name: 'o_proj', n: 4096, k: 4096 },
          ],
        }) as OperatorGraph,
    })
    expect(tpu.manifest).toMatchObject({ device: 'TPU-v6e-1', model: 'meta-llama/Llama-3.1-8B' })
    expect(tpu.shards[0]!.attention.latencyUs.length).toBeGreaterThan(8000)
    expect(tpu.shards[0]!.tokens.map(({ operator }) => operator)).toContain('qkv_proj')
  })

  it('Qwen-2-7B on an A30, whose chip comes along', () => {
    const a30 = importVidur(`${data}/vidur`, { device: 'a30' })
    expect(a30.manifest.chip?.memoryBytesPerSecond).toBe(933e9)
    expect(vidur.list(`${data}/vidur`)).toHaveLength(4)
  })
})
