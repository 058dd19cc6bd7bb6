import { type OperatorGraph, type Parallelism, ServesimError } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.js'
import { parseModelConfig } from './config.js'
import { createModel } from './model.js'

const single: Parallelism = { tensor: 1, pipeline: 1, expert: 1 }

function stagesOf(id: string, parallelism: Partial<Parallelism>): OperatorGraph[] {
  const whole = { ...single, ...parallelism }
  return Array.from({ length: whole.pipeline }, (_, stage) => catalogue.resolve(id)!.shard(whole, { stage }))
}

const layersOf = (id: string, parallelism: Partial<Parallelism>) => stagesOf(id, parallelism).map(({ layers }) => layers)
const sum = (graphs: readonly OperatorGraph[], of: (graph: OperatorGraph) => number) =>
  graphs.reduce((total, graph) => total + of(graph), 0)
const names = ({ operators }: OperatorGraph) => operators.map((o) => o.name)

describe('pipeline stages', () => {
  it('have equal layers, and what is left over goes to those before the last, backwards', () => {
    expect(layersOf('Llama-3.1-8B', { pipeline: 4 })).toEqual([8, 8, 8, 8])
    expect(layersOf('Llama-3.1-8B', { pipeline: 3 })).toEqual([11, 11, 10])
    expect(layersOf('Llama-3.1-8B', { pipeline: 5 })).toEqual([6, 6, 7, 7, 6])
    expect(layersOf('Qwen3-30B-A3B', { pipeline: 7 })).toEqual([7, 7, 7, 7, 7, 7, 6])
  })

  it('have the layers that were stated', () => {
    expect(layersOf('Llama-3.1-8B', { pipeline: 3, pipelineLayers: [9, 20, 3] })).toEqual([9, 20, 3])
  })

  it('begin with the embedding and end with norm, logits and sampling', () => {
    const [first, middle, last] = stagesOf('Llama-3.1-8B', { pipeline: 3 })
    expect(names(first!)).toContain('embedding')
    for (const name of ['final_layernorm', 'lm_head', 'sampler']) {
      expect(names(last!)).toContain(name)
      expect(names(first!)).not.toContain(name)
      expect(names(middle!)).not.toContain(name)
    }
    expect(names(last!)).not.toContain('embedding')
    expect(middle!.samplingBytesPerSequence).toBe(0)
  })

  it('hand over hidden state and residual, each tensor-parallel rank its part, gathered behind the hop', () => {
    const [first, last] = stagesOf('Llama-3.1-8B', { tensor: 4, pipeline: 2 })
    expect(first!.handoverBytesPerToken).toBe((2 * 4096 * 2) / 4)
    expect(last!.handoverBytesPerToken).toBe(0)
    const gather = (graph: OperatorGraph) => graph.collectives.find((c) => c.name === 'handover_all_gather')
    expect(gather(first!)).toBeUndefined()
    expect(gather(last!)).toMatchObject({ collective: 'all-gather', ranks: 4, rows: 'tokens', bytesPerRow: (4096 * 2) / 4, repeat: 2 })
    expect(first!.collectives.map((c) => c.name)).toContain('embedding_all_reduce')
    expect(last!.collectives.map((c) => c.name)).toContain('logits_all_gather')
  })

  it('all together are the whole model, for every model and division', () => {
    const arbitrary = fc.record({
      id: fc.constantFrom('Llama-3.1-8B', 'Llama-3.1-70B', 'Qwen3-30B-A3B', 'Mixtral-8x7B-v0.1'),
      tensor: fc.constantFrom(1, 2, 4),
      pipeline: fc.integer({ min: 2, max: 16 }),
    })
    fc.assert(
      fc.property(arbitrary, ({ id, ...degrees }) => {
        const whole = catalogue.resolve(id)!.shard({ ...single, tensor: degrees.tensor }, {})
        const stages = stagesOf(id, degrees)
        expect(sum(stages, (s) => s.layers)).toBe(whole.layers)
        expect(sum(stages, (s) => s.weightBytes)).toBe(whole.weightBytes)
        expect(sum(stages, (s) => s.kvBytesPerToken)).toBe(whole.kvBytesPerToken)
        for (const { name, repeat } of whole.operators) {
          expect(sum(stages, (s) => s.operators.find((o) => o.name === name)?.repeat ?? 0)).toBe(repeat)
        }
        for (const { name, repeat } of whole.collectives) {
          expect(sum(stages, (s) => s.collectives.find((c) => c.name === name)?.repeat ?? 0)).toBe(repeat)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('hold an embedding that is the output projection as well on the first and on the last', () => {
    const config = {
      model_type: 'llama',
      num_hidden_layers: 4,
      hidden_size: 64,
      intermediate_size: 128,
      num_attention_heads: 4,
      vocab_size: 640,
      max_position_embeddings: 1024,
      tie_word_embeddings: true,
    }
    const model = createModel('tied', parseModelConfig(config, 'model'))
    const bytes = [0, 1].map((stage) => model.shard({ ...single, pipeline: 2 }, { stage }).weightBytes)
    expect(bytes[0]! + bytes[1]!).toBe(model.shard(single, {}).weightBytes + 640 * 64 * 2)
  })

  it('have experts where their own layers do', () => {
    const config = {
      model_type: 'qwen3_moe',
      num_hidden_layers: 8,
      hidden_size: 64,
      intermediate_size: 128,
      num_attention_heads: 4,
      vocab_size: 640,
      max_position_embeddings: 1024,
      num_experts: 8,
      num_experts_per_tok: 2,
      moe_intermediate_size: 32,
      decoder_sparse_step: 2,
      mlp_only_layers: [1, 7],
    }
    const model = createModel('mixed', parseModelConfig(config, 'model'))
    // Layers 3 and 5 have experts.
    const sparse = (pipeline: number, pipelineLayers?: number[]) =>
      Array.from({ length: pipeline }, (_, stage) => {
        const graph = model.shard({ ...single, pipeline, pipelineLayers }, { stage })
        return graph.operators.find((o) => o.name === 'moe')?.repeat ?? 0
      })
    expect(sparse(1)).toEqual([2])
    expect(sparse(2)).toEqual([1, 1])
    expect(sparse(4)).toEqual([0, 1, 1, 0])
    expect(sparse(3, [3, 1, 4])).toEqual([0, 1, 1])
  })

  it('are as many as there are', () => {
    expect(() => catalogue.resolve('Llama-3.1-8B')!.shard({ ...single, pipeline: 2 }, { stage: 2 })).toThrow(ServesimError)
  })
})
