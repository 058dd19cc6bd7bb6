import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importLlmservingsim, llmservingsim } from './llmservingsim.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'servesim-import-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const variant = 'CHIP9000/org/Tiny/bf16-kvfp8'
const tables = {
  'meta.yaml': 'vllm_version: 0.19.0\nskew_fit: {enabled: true}\nsurprise: [1, 2]\n',
  'tp1/dense.csv': 'layer,tokens,time_us\nlayernorm,1,1\nlayernorm,8,2\nqkv_proj,1,4\nqkv_proj,8,5\n',
  'tp1/per_sequence.csv': 'layer,sequences,time_us\nlm_head,1,9\nsampler,1,3\n',
  'tp1/attention.csv': 'prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n0,0,1,16,8\n16,0,0,0,7\n16,0,1,16,9\n',
  'tp1/moe.csv': 'tokens,activated_experts,time_us\n1,2,10\n',
  'tp1/skew.csv': 'not,read\n',
  'tp2/dense.csv': 'layer,tokens,time_us\nlayernorm,1,99\nqkv_proj,1,2\n',
  'tp2/per_sequence.csv': 'layer,sequences,time_us\nlm_head,1,5\n',
  'tp2/attention.csv': 'prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n0,0,1,16,6\n16,0,0,0,5\n',
}

function write(changes: Record<string, string | undefined> = {}): void {
  for (const [file, text] of Object.entries({ ...tables, ...changes })) {
    if (text === undefined) continue
    const path = join(root, variant, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

describe('importLlmservingsim', () => {
  it.each(['', 'CHIP9000', 'CHIP9000/org/Tiny', variant, `${variant}/tp2`])('reads the layout from "%s"', (level) => {
    write()
    expect(llmservingsim.recognises(join(root, level))).toBe(true)
    const bundle = importLlmservingsim(join(root, level))
    expect(bundle.manifest).toMatchObject({
      device: 'CHIP9000',
      model: 'org/Tiny',
      dtype: 'bf16',
      kvCacheDtype: 'fp8',
      tensorParallel: level.endsWith('tp2') ? [2] : [1, 2],
      engine: { name: 'vllm', release: '0.19.0' },
      measurementIterations: 3,
      straggler: { enabled: true },
    })
    expect(bundle.moe?.latencyUs).toEqual(Float64Array.of(10))
  })

  it('takes layers that tensor parallelism leaves whole from degree 1', () => {
    write()
    const tp2 = importLlmservingsim(root, { tensorParallel: 2 }).shards[0]!
    expect(tp2.tokens).toEqual([
      { operator: 'layernorm', rows: Float64Array.of(1, 8), latencyUs: Float64Array.of(1, 2) },
      { operator: 'qkv_proj', rows: Float64Array.of(1), latencyUs: Float64Array.of(2) },
    ])
    expect(tp2.sequences.map((s) => s.operator)).toEqual(['lm_head', 'sampler'])
  })

  it('finds collectives beside the models and keeps their release', () => {
    write({ '../../../collectives.csv': 'collective,ranks,bytes,time_us\nall_reduce,2,8192,12\nall_reduce,2,4096,11\n' })
    const bundle = importLlmservingsim(root)
    expect(bundle.collectives).toEqual([
      { collective: 'all-reduce', ranks: 2, bytes: Float64Array.of(4096, 8192), latencyUs: Float64Array.of(11, 12) },
    ])
    expect(bundle.manifest.collectivesRelease).toBe('0.28')
    expect(importLlmservingsim(root, {}, { collectivesRelease: '0.30' }).manifest.collectivesRelease).toBe('0.30')
  })

  it('passes over columns it does not know, and takes the smallest value of an axis it does not know', () => {
    const header = 'prefill_chunk,kv_prefill,n_decode,kv_decode,q_decode,kernel,time_us,std_us\n'
    const rows = ['0,0,1,16,2,fa3,80,1', '0,0,1,16,1,fa3,8,2', '16,0,0,0,0,fa3,7,1', '16,0,1,16,1,fa3,9,1', '16,0,1,16,4,fa3,90,1']
    write({ 'tp1/attention.csv': `${header}${rows.join('\n')}\n` })
    expect(importLlmservingsim(root, { tensorParallel: 1 }).shards[0]!.attention.latencyUs).toEqual(Float64Array.of(8, 7, 9))
  })

  it('reads meta.yaml without any key', () => {
    write({ 'meta.yaml': '{}\n' })
    expect(importLlmservingsim(root).manifest).toMatchObject({
      engine: { release: 'unknown' },
      launch: 'eager',
      straggler: { enabled: false },
    })
  })

  it.each([
    ['a missing attention table', { 'tp1/attention.csv': undefined }, /tp1\/attention.csv$/, /missing/],
    ['a missing dense table', { 'tp2/dense.csv': undefined }, /tp2\/dense.csv$/, /missing/],
    ['a line cut off', { 'tp1/dense.csv': 'layer,tokens,time_us\nqkv_proj,1,4\nqkv' }, /tp1\/dense.csv:3$/, /cut off/],
    ['a nan', { 'tp1/moe.csv': 'tokens,activated_experts,time_us\n1,2,nan\n' }, /tp1\/moe.csv:2$/, /"nan"/],
    ['an empty meta.yaml', { 'meta.yaml': '' }, /meta.yaml$/, /./],
    ['a broken meta.yaml', { 'meta.yaml': 'a: [1\nb' }, /meta.yaml$/, /YAML/],
    ['a wrong type in meta.yaml', { 'meta.yaml': 'measurement_iterations: many\n' }, /meta.yaml.measurement_iterations$/, /./],
  ])('refuses %s, naming file and line', (_, changes, path, message) => {
    write(changes)
    expect(() => importLlmservingsim(root)).toThrow(
      expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', path: expect.stringMatching(path), message: expect.stringMatching(message) }),
    )
  })

  it('does not recognise a folder of something else', () => {
    expect(llmservingsim.recognises(root)).toBe(false)
    expect(() => importLlmservingsim(root)).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', path: root }))
  })
})
