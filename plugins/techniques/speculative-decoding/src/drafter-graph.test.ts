import { modelSource, type OperatorGraph, Registry } from '@servesim/core'
import { models } from '@servesim/models'
import { describe, expect, it } from 'vitest'
import { headGraph } from './drafter-graph.js'
import { methods } from './methods.js'

const [source] = new Registry([models]).all(modelSource)
const share = (id: string, tensor = 1, expert = 1) => {
  const model = source!.provided.resolve(id)!
  return { model, graph: model.shard({ tensor, pipeline: 1, expert }, {}) }
}
const calls = (graph: OperatorGraph) => Object.fromEntries(graph.operators.map(({ name, repeat }) => [name, repeat]))

describe('a head', () => {
  it('of EAGLE-3 is one layer that takes in two widths, behind three that are fused', () => {
    const { model, graph } = share('meta-llama/Llama-3.1-8B')
    const head = headGraph(graph, model, methods.eagle3, 32_000)
    expect(head.layers).toBe(1)
    expect(calls(head)).toMatchObject({
      qkv_proj: 2,
      gate_up_proj: 1,
      down_proj: 1,
      attention: 1,
      layernorm: 2,
      embedding: 1,
      final_layernorm: 1,
    })
    // Hidden size 4096, 8 of 32 heads keep KV, MLP of 14,336, in 16 bits; the logits' weights padded to 128,256 rows of which 32,000 can be drafted.
    const layer = 2 * 4096 * 6144 + 4096 * 4096 + 3 * 4096 * 14_336
    expect(head.weightBytes).toBeCloseTo(2 * (3 * 4096 * 4096 + layer + 32_000 * 4096), -1)
    expect(head.kvBytesPerToken).toBe(2 * 8 * 128 * 2)
  })

  it('of EAGLE shares the logits of its target', () => {
    const { model, graph } = share('meta-llama/Llama-3.1-8B')
    const head = headGraph(graph, model, methods.eagle, undefined)
    expect(head.weightBytes).toBe(2 * (2 * 4096 * 4096 + 4096 * 6144 + 4096 * 4096 + 3 * 4096 * 14_336))
    expect(calls(head)).toMatchObject({ lm_head: 1, sampler: 1, qkv_proj: 1 })
  })

  it('of MTP has the experts of a layer', () => {
    const { model, graph } = share('Qwen/Qwen3-30B-A3B')
    const head = headGraph(graph, model, methods.mtp, undefined)
    expect(calls(head)).toMatchObject({ moe: 1, attention: 1, qkv_proj: 1 })
    expect(head.weightBytes).toBeGreaterThan(2 * 128 * 3 * 2048 * 768)
  })

  it('fuses whole hidden states on every rank, and sums its layer over them', () => {
    const { model, graph } = share('meta-llama/Llama-3.1-8B', 4)
    const head = headGraph(graph, model, methods.eagle, undefined)
    const [fusion] = head.operators
    expect(fusion).toMatchObject({ kind: 'gemm', name: 'o_proj', n: 4096, k: 1024, repeat: 8 })
    expect(Object.fromEntries(head.collectives.map(({ name, repeat }) => [name, repeat]))).toEqual({
      embedding_all_reduce: 1,
      o_proj_all_reduce: 1,
      down_proj_all_reduce: 1,
      logits_all_gather: 1,
    })
  })
})
