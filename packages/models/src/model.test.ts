import { isServesimError, type Operator, type OperatorGraph, type Parallelism } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.js'
import { parseModelConfig } from './config.js'
import { createModel } from './model.js'

const single: Parallelism = { tensor: 1, pipeline: 1, expert: 1 }
const shard = (id: string, degrees: Partial<Parallelism> = {}): OperatorGraph => catalogue.resolve(id)!.shard({ ...single, ...degrees }, {})
const operator = (graph: OperatorGraph, name: string): Operator => graph.operators.find((o) => o.name === name)!
const names = (graph: OperatorGraph): string[] => graph.operators.map((o) => `${o.name} × ${o.repeat}`)

describe('the operator graph', () => {
  it('of a dense model lists each operator once, with the layers that repeat it', () => {
    expect(names(shard('Llama-3.1-8B'))).toEqual([
      'embedding × 1',
      'layernorm × 64',
      'qkv_proj × 32',
      'rotary_emb × 32',
      'attention × 32',
      'o_proj × 32',
      'gate_up_proj × 32',
      'act_fn × 32',
      'down_proj × 32',
      'final_layernorm × 1',
      'lm_head × 1',
      'sampler × 1',
    ])
  })

  it('of a model with experts has the norms of queries and keys, and no dense MLP', () => {
    const graph = shard('Qwen3-30B-A3B')
    expect(names(graph)).toContain('qk_norm × 48')
    expect(names(graph)).not.toContain('gate_up_proj × 48')
    expect(operator(graph, 'moe')).toMatchObject({
      experts: 128,
      localExperts: 128,
      topK: 8,
      hiddenSize: 2048,
      intermediateSize: 768,
      repeat: 48,
    })
  })

  it('of a model with dense and sparse layers has both', () => {
    const config = {
      model_type: 'qwen3_moe',
      num_hidden_layers: 6,
      hidden_size: 64,
      intermediate_size: 128,
      num_attention_heads: 4,
      vocab_size: 640,
      max_position_embeddings: 1024,
      num_experts: 8,
      num_experts_per_tok: 2,
      moe_intermediate_size: 32,
      mlp_only_layers: [0, 1],
    }
    const graph = createModel('mixed', parseModelConfig(config, 'model')).shard({ ...single, tensor: 2 }, {})
    expect(names(graph)).toEqual(expect.arrayContaining(['gate_up_proj × 2', 'down_proj × 2', 'moe × 4', 'layernorm × 12']))
    expect(graph.collectives.map((c) => `${c.name} × ${c.repeat}`)).toEqual(
      expect.arrayContaining(['down_proj_all_reduce × 2', 'moe_all_reduce × 4']),
    )
  })

  it('has the shapes of one rank', () => {
    const graph = shard('Qwen3-32B', { tensor: 2 })
    expect(operator(graph, 'qkv_proj')).toMatchObject({ n: (32 + 2 * 4) * 128, k: 5120 })
    expect(operator(graph, 'o_proj')).toMatchObject({ n: 5120, k: 32 * 128 })
    expect(operator(graph, 'gate_up_proj')).toMatchObject({ n: 25600, k: 5120 })
    expect(operator(graph, 'down_proj')).toMatchObject({ n: 5120, k: 12800 })
    expect(operator(graph, 'lm_head')).toMatchObject({ n: 75968, k: 5120, rows: 'sequences' })
    expect(operator(graph, 'attention')).toMatchObject({ heads: 32, kvHeads: 4, headDim: 128, kvBytesPerElement: 2 })
    // Read and written per row: residual and hidden state; queries and keys; two widths in, one out; logits in 16 bits and twice in 32.
    expect(operator(graph, 'embedding')).toMatchObject({ bytesPerRow: 2 * 5120 * 2, rows: 'tokens' })
    expect(operator(graph, 'layernorm')).toMatchObject({ bytesPerRow: 4 * 5120 * 2 })
    expect(operator(graph, 'qk_norm')).toMatchObject({ bytesPerRow: 2 * (32 + 4) * 128 * 2 })
    expect(operator(graph, 'rotary_emb')).toMatchObject({ bytesPerRow: 2 * (32 + 4) * 128 * 2 })
    expect(operator(graph, 'act_fn')).toMatchObject({ bytesPerRow: 3 * 12800 * 2 })
    expect(operator(graph, 'sampler')).toMatchObject({ bytesPerRow: 10 * 151936, rows: 'sequences' })
    // The sampler sees the gathered vocabulary on every rank.
    expect(operator(graph, 'sampler')).toEqual(operator(shard('Qwen3-32B'), 'sampler'))
  })
})

describe('biases', () => {
  it('of the MLP add the two widths and the hidden size to each layer', () => {
    const config = {
      model_type: 'llama',
      num_hidden_layers: 3,
      hidden_size: 64,
      intermediate_size: 128,
      num_attention_heads: 4,
      vocab_size: 640,
      max_position_embeddings: 1024,
    }
    const parameters = (mlp_bias: boolean) => createModel('any', parseModelConfig({ ...config, mlp_bias }, 'model')).parameters
    expect(parameters(true) - parameters(false)).toBe(3 * (2 * 128 + 64))
  })
})

describe('tensor parallelism', () => {
  it('adds the collectives of vLLM, sized as the contract counts them', () => {
    expect(shard('Llama-3.1-8B').collectives).toEqual([])
    expect(shard('Llama-3.1-8B', { tensor: 4 }).collectives).toEqual([
      { name: 'embedding_all_reduce', collective: 'all-reduce', ranks: 4, rows: 'tokens', bytesPerRow: 8192, repeat: 1 },
      { name: 'o_proj_all_reduce', collective: 'all-reduce', ranks: 4, rows: 'tokens', bytesPerRow: 8192, repeat: 32 },
      { name: 'down_proj_all_reduce', collective: 'all-reduce', ranks: 4, rows: 'tokens', bytesPerRow: 8192, repeat: 32 },
      { name: 'logits_all_gather', collective: 'all-gather', ranks: 4, rows: 'sequences', bytesPerRow: 64128, repeat: 1 },
    ])
  })

  it('replicates KV heads beyond their number', () => {
    const eight = shard('Llama-3.1-70B', { tensor: 8 })
    const sixteen = shard('Llama-3.1-70B', { tensor: 16 })
    expect(operator(sixteen, 'attention')).toMatchObject({ heads: 4, kvHeads: 1 })
    expect(sixteen.kvBytesPerToken).toBe(eight.kvBytesPerToken)
    // Each rank of the sixteen still holds the K and V projections of a whole head: 2 × 8192 × 128 × 80 elements of 2 bytes.
    const replicated = 16 * sixteen.weightBytes - 8 * eight.weightBytes
    expect(replicated).toBe(8 * 2 * 8192 * 128 * 80 * 2 + 8 * (2 * 80 + 1) * 8192 * 2)
  })

  it('divides every expert by width, and expert parallelism divides them by number', () => {
    expect(operator(shard('Mixtral-8x7B-v0.1', { tensor: 2 }), 'moe')).toMatchObject({ localExperts: 8, intermediateSize: 7168 })
    const spread = shard('Mixtral-8x7B-v0.1', { tensor: 2, expert: 2 })
    expect(operator(spread, 'moe')).toMatchObject({ experts: 8, localExperts: 4, intermediateSize: 14336 })
    expect(spread.weightBytes).toBe(shard('Mixtral-8x7B-v0.1', { tensor: 2 }).weightBytes)
  })

  it('pads the vocabulary to a multiple of 64 before it divides it', () => {
    const config = {
      model_type: 'llama',
      num_hidden_layers: 1,
      hidden_size: 64,
      intermediate_size: 128,
      num_attention_heads: 4,
      vocab_size: 32001,
      max_position_embeddings: 1024,
    }
    const model = createModel('odd', parseModelConfig(config, 'model'))
    expect(operator(model.shard({ ...single, tensor: 2 }, {}), 'lm_head')).toMatchObject({ n: 32064 / 2 })
    expect(model.shard(single, {}).weightBytes - 2 * model.parameters).toBe(2 * 2 * 63 * 64)
  })

  it.each([
    ['Llama-3.1-8B', { tensor: 3 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.tensor'],
    ['Llama-3.1-8B', { tensor: 64 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.tensor'],
    ['Llama-3.1-8B', { pipeline: 33 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.pipeline'],
    ['Llama-3.1-8B', { pipeline: 2, pipelineLayers: [16, 15] }, 'SERVESIM_BAD_OPTION', 'parallelism.pipelineLayers'],
    ['Llama-3.1-8B', { pipeline: 2, pipelineLayers: [32] }, 'SERVESIM_BAD_OPTION', 'parallelism.pipelineLayers'],
    ['Llama-3.1-8B', { pipeline: 2, pipelineLayers: [32, 0] }, 'SERVESIM_BAD_OPTION', 'parallelism.pipelineLayers'],
    ['Llama-3.1-8B', { pipeline: 2, pipelineLayers: [15.5, 16.5] }, 'SERVESIM_BAD_OPTION', 'parallelism.pipelineLayers'],
    ['Llama-3.1-8B', { tensor: 2, expert: 2 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.expert'],
    ['Qwen3-30B-A3B', { tensor: 4, expert: 2 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.expert'],
    ['Qwen3-30B-A3B', { tensor: 2, expert: 3 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.expert'],
    ['Qwen3-30B-A3B', { expert: 3 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.expert'],
    ['Qwen3-30B-A3B', { expert: 256 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.expert'],
    ['Qwen3-30B-A3B', { expert: 0 }, 'SERVESIM_BAD_OPTION', 'parallelism.expert'],
    ['Llama-3.1-8B', { expert: 2 }, 'SERVESIM_CAPABILITY_MISMATCH', 'parallelism.expert'],
    ['Llama-3.1-8B', { tensor: 0 }, 'SERVESIM_BAD_OPTION', 'parallelism.tensor'],
    ['Llama-3.1-8B', { tensor: Number.NaN }, 'SERVESIM_BAD_OPTION', 'parallelism.tensor'],
    ['Llama-3.1-8B', { pipeline: 1.5 }, 'SERVESIM_BAD_OPTION', 'parallelism.pipeline'],
  ])('refuses what does not divide: %s %j', (id, degrees, code, path) => {
    let caught: unknown
    try {
      shard(id, degrees)
    } catch (error) {
      caught = error
    }
    expect(isServesimError(caught)).toBe(true)
    expect(caught).toMatchObject({ code, path })
  })

  it.each([0, -1, Number.NaN, 1e30])('refuses a KV element of %d bytes', (kvBytesPerElement) => {
    expect(() => catalogue.resolve('Llama-3.1-8B')!.shard(single, { kvBytesPerElement })).toThrow(/KV element/)
  })
})

describe('experts shared by replicas', () => {
  const hidden = 2048 * 2
  const logits = 128 * 2
  const exchange = (ranks: number, part: number) => [
    {
      name: 'dispatch_all_gather',
      collective: 'all-gather',
      ranks,
      rows: 'peerTokens',
      bytesPerRow: (hidden + logits) * part,
      repeat: 48,
    },
    { name: 'combine_reduce_scatter', collective: 'reduce-scatter', ranks, rows: 'peerTokens', bytesPerRow: hidden * part, repeat: 48 },
  ]

  it('are whole experts of each rank, whose tokens are gathered and scattered in every layer', () => {
    const graph = shard('Qwen3-30B-A3B', { expert: 2 })
    expect(operator(graph, 'moe')).toMatchObject({ experts: 128, localExperts: 64, intermediateSize: 768 })
    expect(graph.collectives).toEqual(exchange(2, 1))
  })

  it('are all a rank has less of: attention, norms and the output stay whole', () => {
    const whole = shard('Qwen3-30B-A3B')
    const shared = shard('Qwen3-30B-A3B', { expert: 4 })
    expect(whole.operators.filter((o) => o.kind !== 'moe')).toEqual(shared.operators.filter((o) => o.kind !== 'moe'))
    expect(whole.weightBytes - shared.weightBytes).toBe(48 * 96 * 3 * 2048 * 768 * 2)
    expect(shared.kvBytesPerToken).toBe(whole.kvBytesPerToken)
  })

  it('beside tensor parallelism are exchanged by each rank for its part of the tokens, in place of an all-reduce', () => {
    const graph = shard('Qwen3-30B-A3B', { tensor: 2, expert: 4 })
    expect(operator(graph, 'moe')).toMatchObject({ localExperts: 32, intermediateSize: 768 })
    expect(graph.collectives.map((c) => c.name)).not.toContain('moe_all_reduce')
    expect(graph.collectives).toEqual(
      expect.arrayContaining([
        ...exchange(4, 1 / 2),
        { name: 'moe_all_gather', collective: 'all-gather', ranks: 2, rows: 'tokens', bytesPerRow: hidden / 2, repeat: 48 },
      ]),
    )
    expect(shard('Qwen3-30B-A3B', { tensor: 2, expert: 2 }).collectives.map((c) => c.name)).toContain('moe_all_reduce')
  })
})

describe('working memory', () => {
  it('of a token is that of the MLP, or of the experts it visits', () => {
    expect(shard('Llama-3.1-8B').activationBytesPerToken).toBe((2 * 4096 + 3 * 14336) * 2)
    expect(shard('Llama-3.1-8B', { tensor: 2 }).activationBytesPerToken).toBe((2 * 4096 + 3 * 7168) * 2)
    expect(shard('Qwen3-30B-A3B').activationBytesPerToken).toBe((3 * 2048 + 8 * (2048 + 768)) * 2)
  })

  it('of a sequence is 28 bytes for each entry of the whole vocabulary, on every rank', () => {
    expect(shard('Llama-3.1-8B').samplingBytesPerSequence).toBe(28 * 128256)
    expect(shard('Llama-3.1-8B', { tensor: 8 }).samplingBytesPerSequence).toBe(28 * 128256)
  })
})

/** Any model that the tensor degree divides. */
const sharded = fc
  .record({
    tensor: fc.constantFrom(1, 2, 4, 8),
    family: fc.constantFrom('llama', 'mistral', 'qwen2', 'qwen3', 'qwen3_moe', 'mixtral', 'phimoe'),
    layers: fc.integer({ min: 1, max: 12 }),
    hiddenUnits: fc.integer({ min: 1, max: 32 }),
    widthUnits: fc.integer({ min: 1, max: 64 }),
    kvHeads: fc.constantFrom(1, 2, 4, 8, 16),
    group: fc.constantFrom(8, 16),
    headDim: fc.constantFrom(64, 80, 128),
    vocabulary: fc.integer({ min: 1, max: 200_000 }),
    tied: fc.boolean(),
    bias: fc.boolean(),
  })
  .map(({ tensor, family, layers, hiddenUnits, widthUnits, kvHeads, group, headDim, vocabulary, tied, bias }) => ({
    tensor,
    kvHeads,
    vocabulary,
    config: {
      model_type: family,
      num_hidden_layers: layers,
      hidden_size: 64 * hiddenUnits,
      intermediate_size: 8 * widthUnits,
      moe_intermediate_size: 8 * widthUnits,
      num_attention_heads: kvHeads * group,
      num_key_value_heads: kvHeads,
      head_dim: headDim,
      vocab_size: vocabulary,
      max_position_embeddings: 4096,
      tie_word_embeddings: tied,
      attention_bias: bias,
      mlp_bias: bias && family === 'llama',
      lm_head_bias: bias && family === 'phimoe',
      ...(family === 'mixtral' || family === 'phimoe' ? { num_local_experts: 8 } : {}),
      ...(family === 'qwen3_moe' ? { num_experts: 8 } : {}),
      num_experts_per_tok: 2,
    },
  }))

describe('laws of sharding', () => {
  it('all ranks together hold the weights once, and what each needs again', () => {
    fc.assert(
      fc.property(sharded, ({ tensor, kvHeads, config }) => {
        const architecture = parseModelConfig(config, 'model')
        const model = createModel('any', architecture)
        const whole = model.shard(single, {})
        const part = model.shard({ ...single, tensor }, {})
        const a = architecture
        const kvCopies = Math.max(0, tensor - kvHeads)
        const kvProjection = 2 * a.headDim * (a.hiddenSize + (a.qkvBias ? 1 : 0))
        const norms = (2 * a.layers + 1) * a.hiddenSize * (a.normBias ? 2 : 1) + (a.qkNorm ? 2 * a.headDim * a.layers : 0)
        const biases = ((a.outputBias ? 1 : 0) + (a.mlpBias ? 1 : 0)) * a.hiddenSize * a.layers
        const router = (a.experts?.experts ?? 0) * a.hiddenSize * a.layers
        const replicated = kvCopies * kvProjection * a.layers + (tensor - 1) * (norms + biases + router)
        expect(tensor * part.weightBytes - whole.weightBytes).toBe(2 * replicated)
      }),
    )
  })

  it('all ranks together cache each token at least once, and exactly once up to one rank per KV head', () => {
    fc.assert(
      fc.property(sharded, ({ tensor, kvHeads, config }) => {
        const model = createModel('any', parseModelConfig(config, 'model'))
        const together = tensor * model.shard({ ...single, tensor }, {}).kvBytesPerToken
        expect(together).toBe(model.shard(single, {}).kvBytesPerToken * Math.max(1, tensor / kvHeads))
      }),
    )
  })

  it('one rank holds the published parameters and the padding of the vocabulary, and talks to nobody', () => {
    fc.assert(
      fc.property(sharded, ({ vocabulary, config }) => {
        const architecture = parseModelConfig(config, 'model')
        const model = createModel('any', architecture)
        const graph = model.shard(single, {})
        const padding = Math.ceil(vocabulary / 64) * 64 - vocabulary
        const copies = (architecture.tiedEmbeddings ? 1 : 2) * architecture.hiddenSize + (architecture.lmHeadBias ? 1 : 0)
        expect(graph.weightBytes).toBe(2 * (model.parameters + padding * copies))
        expect(graph.collectives).toEqual([])
      }),
    )
  })

  it('the matrix products of the graph read each weight of the layers and of the output projection once', () => {
    fc.assert(
      fc.property(sharded, ({ tensor, config }) => {
        const a = {
          ...parseModelConfig(config, 'model'),
          qkvBias: false,
          outputBias: false,
          mlpBias: false,
          lmHeadBias: false,
          qkNorm: false,
          tiedEmbeddings: true,
        }
        const graph = createModel('any', a).shard({ ...single, tensor }, {})
        let read = 0
        for (const o of graph.operators) {
          if (o.kind === 'gemm') read += o.n * o.k * o.repeat
          if (o.kind === 'moe') read += (o.localExperts * 3 * o.intermediateSize + o.experts) * o.hiddenSize * o.repeat
        }
        const norms = (2 * a.layers + 1) * a.hiddenSize * (a.normBias ? 2 : 1)
        expect(2 * (read + norms)).toBe(graph.weightBytes)
      }),
    )
  })
})
