import type { Model } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.js'
import { parseModelConfig } from './config.js'
import { createModel } from './model.js'

const single = { tensor: 1, pipeline: 1, expert: 1 }

function known(id: string): Model {
  const model = catalogue.resolve(id)
  if (model === undefined) throw new Error(`${id} is not in the catalogue`)
  return model
}

// Parameters as Hugging Face counts them from the safetensors headers of each id.
describe.each([
  ['meta-llama/Llama-3.1-8B', 8_030_261_248, 131_072],
  ['meta-llama/Llama-3.1-70B', 70_553_706_496, 327_680],
  ['meta-llama/Llama-2-7b-hf', 6_738_415_616, 524_288],
  ['meta-llama/Llama-2-70b-hf', 68_976_648_192, 327_680],
  ['Qwen/Qwen3-8B', 8_190_735_360, 147_456],
  ['Qwen/Qwen3-14B', 14_768_307_200, 163_840],
  ['Qwen/Qwen3-32B', 32_762_123_264, 262_144],
  ['Qwen/Qwen3-30B-A3B', 30_532_122_624, 98_304],
  ['Qwen/Qwen3-30B-A3B-Instruct-2507', 30_532_122_624, 98_304],
  ['mistralai/Mixtral-8x7B-v0.1', 46_702_792_704, 131_072],
  ['codellama/CodeLlama-34b-hf', 33_743_970_304, 196_608],
])('%s', (id, parameters, kvBytesPerToken) => {
  const model = known(id)

  it('has the published number of parameters', () => {
    expect(model.parameters).toBe(parameters)
  })

  // Every vocabulary here is a multiple of 64, so nothing is padded.
  it('weighs two bytes for each of them on a single rank', () => {
    expect(model.shard(single, {}).weightBytes).toBe(2 * parameters)
  })

  it('caches K and V of every layer', () => {
    expect(model.shard(single, {}).kvBytesPerToken).toBe(kvBytesPerToken)
    expect(model.shard(single, { kvBytesPerElement: 1 }).kvBytesPerToken).toBe(kvBytesPerToken / 2)
  })
})

// To the precision at which they are published.
it.each([
  ['Qwen/Qwen3-235B-A22B', 235.094e9],
  ['MiniMaxAI/MiniMax-M2.5', 228.7e9],
])('%s has some %d parameters', (id, parameters) => {
  expect(known(id).parameters / parameters).toBeCloseTo(1, 3)
})

it('quantised matrices weigh their format, everything else two bytes', () => {
  const [whole, quantised] = [known('Qwen/Qwen3-235B-A22B').shard(single, {}), known('Qwen/Qwen3-235B-A22B-FP8').shard(single, {})]
  expect(quantised.weightBytes / whole.weightBytes).toBeCloseTo(0.503, 3)
  expect(quantised.operators.find((o) => o.name === 'qkv_proj')).toMatchObject({ precision: 'fp8-block', activationBytesPerElement: 1 })
  expect(quantised.operators.find((o) => o.name === 'lm_head')).not.toHaveProperty('precision')
})

// Models outside the catalogue that reach what those inside it do not: biases, tied embeddings, LayerNorm, an odd number of heads.
describe('a config.json outside the catalogue', () => {
  it.each([
    {
      name: 'Qwen2.5-7B: bias of Q, K and V',
      parameters: 7_615_616_512,
      config: {
        model_type: 'qwen2',
        num_hidden_layers: 28,
        hidden_size: 3584,
        intermediate_size: 18944,
        num_attention_heads: 28,
        num_key_value_heads: 4,
        vocab_size: 152064,
        max_position_embeddings: 131072,
        use_sliding_window: false,
        sliding_window: 131072,
      },
    },
    {
      name: 'Qwen2.5-0.5B: bias and tied embeddings',
      parameters: 494_032_768,
      config: {
        model_type: 'qwen2',
        num_hidden_layers: 24,
        hidden_size: 896,
        intermediate_size: 4864,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        vocab_size: 151936,
        max_position_embeddings: 32768,
        tie_word_embeddings: true,
      },
    },
    {
      name: 'Qwen3-0.6B: tied embeddings, heads wider than hidden',
      parameters: 596_049_920,
      config: {
        model_type: 'qwen3',
        num_hidden_layers: 28,
        hidden_size: 1024,
        intermediate_size: 3072,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        head_dim: 128,
        vocab_size: 151936,
        max_position_embeddings: 40960,
        tie_word_embeddings: true,
      },
    },
    {
      name: 'Mistral-7B-v0.3',
      parameters: 7_248_023_552,
      config: {
        model_type: 'mistral',
        num_hidden_layers: 32,
        hidden_size: 4096,
        intermediate_size: 14336,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        vocab_size: 32768,
        max_position_embeddings: 32768,
        sliding_window: null,
      },
    },
    {
      name: 'Phi-3.5-MoE: LayerNorm, biases of attention and of the output projection',
      parameters: 41_873_153_344,
      config: {
        model_type: 'phimoe',
        num_hidden_layers: 32,
        hidden_size: 4096,
        intermediate_size: 6400,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        num_local_experts: 16,
        num_experts_per_tok: 2,
        vocab_size: 32064,
        max_position_embeddings: 131072,
        attention_bias: true,
        lm_head_bias: true,
        sliding_window: 131072,
      },
    },
    {
      name: 'Llama-3.1-405B',
      parameters: 405_853_388_800,
      config: {
        model_type: 'llama',
        num_hidden_layers: 126,
        hidden_size: 16384,
        intermediate_size: 53248,
        num_attention_heads: 128,
        num_key_value_heads: 8,
        vocab_size: 128256,
        max_position_embeddings: 131072,
      },
    },
  ])('$name has the published number of parameters', ({ name, parameters, config }) => {
    expect(createModel(name, parseModelConfig(config, 'model')).parameters).toBe(parameters)
  })
})
