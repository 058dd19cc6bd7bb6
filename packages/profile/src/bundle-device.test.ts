import type { Gemm, Moe, Operator, OperatorGraph } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { bundleDevice } from './bundle-device.js'
import { syntheticBundle } from './synthetic.fixture.js'

const spec = {
  name: 'test-chip',
  vendor: 'Test',
  memoryBytes: 1e9,
  memoryBytesPerSecond: 1e12,
  bf16FlopPerSecond: 1e14,
  streamingMultiprocessors: 100,
  source: 'made up',
}
const use = { path: 'pools[0]', model: 'org/Tiny', tensorParallel: 1 }
const context = { tensorParallel: 1, maxBatchedTokens: 64, maxSequences: 64 }

const gemm = (name: string, rows: 'tokens' | 'sequences'): Gemm => ({
  name,
  class: 'linear',
  repeat: 2,
  kind: 'gemm',
  rows,
  n: 8,
  k: 8,
  weightBytesPerElement: 2,
  activationBytesPerElement: 2,
})
const moe: Moe = {
  name: 'moe',
  class: 'moe',
  repeat: 2,
  kind: 'moe',
  experts: 4,
  localExperts: 4,
  topK: 2,
  hiddenSize: 8,
  intermediateSize: 8,
  weightBytesPerElement: 2,
  activationBytesPerElement: 2,
}
const qkv = gemm('qkv_proj', 'tokens')
const head = gemm('lm_head', 'sequences')
const rotary: Operator = { name: 'rotary_emb', class: 'norm-activation', repeat: 2, kind: 'elementwise', rows: 'tokens', bytesPerRow: 32 }

function graphOf(...operators: Operator[]): OperatorGraph {
  return {
    operators,
    collectives: [],
    layers: 2,
    weightBytes: 1,
    kvBytesPerToken: 1,
    activationBytesPerToken: 1,
    outputBytesPerToken: 1,
    samplingBytesPerSequence: 1,
  }
}

describe('bundleDevice', () => {
  const device = bundleDevice(syntheticBundle(), spec, use)

  it('prices operators by their name, rows and degree', () => {
    const compiled = device.compile(graphOf(qkv, head), context)
    expect(compiled.latency(qkv, 8)).toEqual({ ns: 6000, provenance: 'measured' })
    expect(compiled.latency(head, 8)).toEqual({ ns: 10_000, provenance: 'measured' })
    expect(device.compile(graphOf(qkv), { ...context, tensorParallel: 2 }).latency(qkv, 8).ns).toBe(4000)
    expect(compiled.attention.mixedNs(16, 512, 0, 0).provenance).toBe('measured')
  })

  it('says where its numbers come from and how far they reach', () => {
    const { assumptions } = device.compile(graphOf(qkv, rotary), { ...context, maxBatchedTokens: 2048 })
    expect(assumptions).toEqual([
      'Operator latencies: org/Tiny on test-chip, measured under vllm 0.19.0, each kernel launched by itself, without CUDA graphs or fusion.',
      'Steps of more than 64 tokens are extrapolated.',
      'rotary_emb is not in the bundle and costs nothing.',
    ])
  })

  it('hands on the facts beside the tables', () => {
    expect(device).toMatchObject({ engineRelease: '0.19.0', model: 'org/Tiny', mixedStepHostMs: 12.5 })
    expect(device.collectives[0]).toEqual({
      collective: 'all-reduce',
      ranks: 2,
      bytes: Float64Array.of(4096, 8192),
      ns: Float64Array.of(10495, 12713),
    })
  })

  it('reads the straggler constant off the smallest chunk, and leaves it out where the bundle or the chip forbids', () => {
    // The law's chunk of 16 takes 16 × 1 ns per token of context.
    expect(device.straggler?.blockNsPerContextToken).toBeCloseTo(16, 9)
    const { streamingMultiprocessors: _, ...unknown } = spec
    expect(bundleDevice(syntheticBundle(), unknown, use).straggler).toBeUndefined()
    const off = syntheticBundle()
    off.manifest.straggler = { enabled: false }
    expect(bundleDevice(off, spec, use).straggler).toBeUndefined()
    off.manifest.straggler = { enabled: true, blockNsPerContextToken: 20 }
    expect(bundleDevice(off, spec, use).straggler).toMatchObject({ blockNsPerContextToken: 20, source: 'bundle.json' })
  })

  it("gives a rank of an expert-parallel group its share of the experts' work", () => {
    const whole = device.compile(graphOf(moe), context)
    // One token activates both of its experts: an exact row of the table.
    expect(whole.latency(moe, 1)).toEqual({ ns: 10_000, provenance: 'measured' })
    const share = device.compile(graphOf({ ...moe, localExperts: 2 }), { ...context, tensorParallel: 2 })
    expect(share.latency(moe, 64).ns).toBeLessThan(whole.latency(moe, 64).ns)
    expect(share.latency(moe, 64).provenance).toBe('interpolated')
  })

  it('divides experts that tensor parallelism cuts, and says so', () => {
    const cut = device.compile(graphOf(moe), { ...context, tensorParallel: 2 })
    expect(cut.latency(moe, 1)).toEqual({ ns: 5000, provenance: 'extrapolated' })
    expect(cut.assumptions).toContain('Experts cut in 2 take 1/2 of the time of whole ones, which alone were measured.')
  })

  it('refuses another model, naming both', () => {
    expect(() => bundleDevice(syntheticBundle(), spec, { ...use, model: 'org/Other' })).toThrow(
      expect.objectContaining({
        code: 'SERVESIM_CAPABILITY_MISMATCH',
        path: 'pools[0].model',
        message: expect.stringMatching(/org\/Tiny.*org\/Other/),
      }),
    )
  })

  it('refuses a degree that was not measured, naming those that were', () => {
    expect(() => device.compile(graphOf(qkv), { ...context, tensorParallel: 4 })).toThrow(
      expect.objectContaining({
        code: 'SERVESIM_CAPABILITY_MISMATCH',
        path: 'pools[0].parallelism.tensor',
        message: expect.stringContaining('1 or 2'),
      }),
    )
  })

  it.each([
    [gemm('o_proj', 'tokens'), /"o_proj" in tp1\/tokens.csv/],
    [gemm('qkv_proj', 'sequences'), /"qkv_proj" in tp1\/sequences.csv/],
  ])('refuses a graph with a product that has no latency', (operator, message) => {
    expect(() => device.compile(graphOf(operator), context)).toThrow(
      expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', message: expect.stringMatching(message) }),
    )
  })

  it('refuses a graph with experts where none were measured', () => {
    const { moe: _, ...dense } = syntheticBundle()
    expect(() => bundleDevice(dense, spec, use).compile(graphOf(moe), context)).toThrow(/"moe" in moe.csv/)
  })
})
