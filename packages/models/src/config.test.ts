import { isServesimError, type ServesimError } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { parseModelConfig } from './config.js'

const llama = {
  model_type: 'llama',
  num_hidden_layers: 2,
  hidden_size: 64,
  intermediate_size: 128,
  num_attention_heads: 4,
  vocab_size: 640,
  max_position_embeddings: 1024,
}
const moe = { ...llama, model_type: 'qwen3_moe', num_hidden_layers: 6, num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 32 }

function failure(config: unknown): ServesimError {
  try {
    parseModelConfig(config, 'pools[0].model')
  } catch (error) {
    if (isServesimError(error)) return error
    throw error
  }
  throw new Error('expected the configuration to be refused')
}

describe('parseModelConfig', () => {
  it('fills in what the configuration may leave out', () => {
    expect(parseModelConfig(llama, 'model')).toMatchObject({
      headDim: 16,
      kvHeads: 4,
      bytesPerElement: 2,
      tiedEmbeddings: false,
      qkvBias: false,
    })
    const nulls = { ...llama, head_dim: null, num_key_value_heads: null, torch_dtype: null, rope_scaling: null, sliding_window: null }
    expect(parseModelConfig(nulls, 'model')).toEqual(parseModelConfig(llama, 'model'))
  })

  it('knows what a family fixes in its code', () => {
    const qwen2 = parseModelConfig({ ...llama, model_type: 'qwen2' }, 'model')
    expect(qwen2).toMatchObject({ qkvBias: true, outputBias: false, qkNorm: false })
    expect(parseModelConfig({ ...llama, model_type: 'qwen3' }, 'model')).toMatchObject({ qkvBias: false, qkNorm: true })
    expect(parseModelConfig({ ...llama, attention_bias: true }, 'model')).toMatchObject({ qkvBias: true, outputBias: true })
  })

  it('reads an unknown dense family with a gated SiLU as Llama', () => {
    const { family: _, ...other } = parseModelConfig({ ...llama, model_type: 'acme', hidden_act: 'silu' }, 'model')
    const { family: __, ...same } = parseModelConfig(llama, 'model')
    expect(other).toEqual(same)
  })

  it('counts the layers that have experts', () => {
    expect(parseModelConfig(moe, 'model').experts?.layers).toBe(6)
    expect(parseModelConfig({ ...moe, decoder_sparse_step: 2 }, 'model').experts?.layers).toBe(3)
    // Layer 0 is dense by the step already, 1 and 3 by the list, and 99 is none of the model's.
    expect(parseModelConfig({ ...moe, decoder_sparse_step: 2, mlp_only_layers: [0, 1, 3, 3, 99] }, 'model').experts?.layers).toBe(1)
    expect(parseModelConfig({ ...moe, mlp_only_layers: [0, 1, 2, 3, 4, 5] }, 'model').experts).toBeUndefined()
  })

  it('stretches the context as the rotary scaling says', () => {
    const context = (rope_scaling: unknown) => parseModelConfig({ ...llama, rope_scaling }, 'model').maxModelLenTokens
    expect(context({ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 512 })).toBe(2048)
    expect(context({ type: 'linear', factor: 2 })).toBe(2048)
    expect(context({ rope_type: 'llama3', factor: 8, original_max_position_embeddings: 128 })).toBe(1024)
  })
})

describe('a configuration that is wrong', () => {
  it.each([
    [{ ...llama, hidden_size: undefined }, 'hidden_size', 'Key "hidden_size" is missing; expected a whole number of at least 1.'],
    [{ ...llama, hidden_size: -64 }, 'hidden_size', 'Key "hidden_size" is -64; expected a whole number of at least 1.'],
    [{ ...llama, hidden_size: Number.NaN }, 'hidden_size', 'Key "hidden_size" is NaN; expected a whole number of at least 1.'],
    [{ ...llama, hidden_size: 1e30 }, 'hidden_size', 'Key "hidden_size" is 1e+30; expected a whole number of at least 1.'],
    [{ ...llama, hidden_size: '64' }, 'hidden_size', 'Key "hidden_size" is "64"; expected a whole number of at least 1.'],
    [{ ...llama, torch_dtype: 'int3' }, 'torch_dtype', 'Key "torch_dtype" is "int3"; expected "bfloat16", "float16" or "float32".'],
    [{ ...llama, tie_word_embeddings: 1 }, 'tie_word_embeddings', 'Key "tie_word_embeddings" is 1; expected true or false.'],
    [
      { ...llama, rope_scaling: { factor: 0 } },
      'rope_scaling.factor',
      'Key "rope_scaling.factor" is 0; expected a number above 0, at most 1024.',
    ],
    [{ ...moe, mlp_only_layers: [-1] }, 'mlp_only_layers.0', 'Key "mlp_only_layers.0" is -1; expected a list of layer indices from 0.'],
    [
      { ...llama, num_key_value_heads: 3 },
      'num_key_value_heads',
      'Key "num_key_value_heads" is 3; expected a divisor of "num_attention_heads", 4.',
    ],
    [
      { ...moe, num_experts: undefined },
      'num_experts',
      'Key "num_experts" is missing; family "qwen3_moe" needs a whole number of at least 1.',
    ],
    [{ ...moe, num_experts: 0 }, 'num_experts', 'Key "num_experts" is 0; family "qwen3_moe" needs a whole number of at least 1.'],
    [{ ...moe, num_experts_per_tok: 9 }, 'num_experts_per_tok', 'Key "num_experts_per_tok" is 9; expected at most "num_experts", 8.'],
    [
      { ...llama, num_attention_heads: 7 },
      'head_dim',
      'Key "head_dim" is missing, and "hidden_size" 64 is no multiple of "num_attention_heads" 7; expected one of the two.',
    ],
    [{ ...llama, model_type: undefined }, 'model_type', 'Key "model_type" is missing; expected the name of a family, such as "llama".'],
  ])('is refused with the key and what was expected: %#', (config, key, message) => {
    const error = failure(config)
    expect(error).toMatchObject({ code: 'SERVESIM_BAD_OPTION', path: `pools[0].model.${key}`, message })
    expect(error.hint).toBeTruthy()
  })

  it('is refused for every key that is read and every value that makes no sense', () => {
    const read = {
      ...moe,
      head_dim: 16,
      num_key_value_heads: 2,
      torch_dtype: 'bfloat16',
      tie_word_embeddings: false,
      attention_bias: false,
    }
    const more = { mlp_bias: false, lm_head_bias: false, decoder_sparse_step: 1, mlp_only_layers: [], rope_scaling: { factor: 2 } }
    const config = { ...read, ...more }
    expect(() => parseModelConfig(config, 'model')).not.toThrow()
    for (const key of Object.keys(config)) {
      for (const value of [Number.NaN, -1, 0.5, 1e30, Number.POSITIVE_INFINITY, [[]], { a: 1 }]) {
        if (key === 'rope_scaling' && typeof value === 'object' && !Array.isArray(value)) continue
        expect(failure({ ...config, [key]: value }), `${key}: ${value}`).toMatchObject({ code: 'SERVESIM_BAD_OPTION' })
      }
    }
  })

  it.each([[null], [[]], ['llama'], [undefined]])('is refused where it is no object: %j', (config) => {
    expect(failure(config)).toMatchObject({ code: 'SERVESIM_BAD_OPTION', path: 'pools[0].model' })
  })

  it('is refused where its sizes multiply beyond exact numbers', () => {
    expect(failure({ ...llama, hidden_size: 2 ** 40, intermediate_size: 2 ** 40 }).path).toBe('pools[0].model')
  })
})

describe('a feature that is not modelled', () => {
  it.each([
    [{ quantization_config: { quant_method: 'bitsandbytes' } }, 'quantization_config', /Quantised weights|Weights quantised by/],
    [{ model_type: 'deepseek_v3', kv_lora_rank: 512, n_routed_experts: 256 }, 'kv_lora_rank', /^Multi-head latent attention/],
    [{ model_type: 'mistral', sliding_window: 512 }, 'sliding_window', /^Sliding-window attention/],
    [{ model_type: 'qwen2', sliding_window: 512, use_sliding_window: true }, 'sliding_window', /^Sliding-window attention/],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, 'layer_types', /^A layer type other than "full_attention"/],
    [{ model_type: 'qwen3_next', full_attention_interval: 4 }, 'full_attention_interval', /state-space or linear attention/],
    [{ model_type: 'llama4', text_config: {} }, 'text_config', /^A model of several modalities/],
    [
      { model_type: 'qwen2_moe', num_experts: 60, shared_expert_intermediate_size: 5632 },
      'shared_expert_intermediate_size',
      /^Shared experts/,
    ],
    [{ model_type: 'olmoe', num_experts: 64 }, 'num_experts', /^Mixture of experts in this family/],
    [{ model_type: 'starcoder2', hidden_act: 'gelu_pytorch_tanh' }, 'hidden_act', /activation other than SiLU/],
  ])('is refused by name: %j', (keys, key, message) => {
    const error = failure({ ...llama, ...keys })
    expect(error).toMatchObject({ code: 'SERVESIM_BAD_OPTION', path: `pools[0].model.${key}` })
    expect(error.message).toMatch(message)
  })

  it.each([
    { model_type: 'qwen2', sliding_window: 512 },
    { model_type: 'qwen2', sliding_window: 512, use_sliding_window: false },
    { model_type: 'mistral', sliding_window: 1024 },
    { quantization_config: null, layer_types: ['full_attention', 'full_attention'], num_local_experts: 0 },
  ])('is not in the way where it is switched off: %j', (keys) => {
    expect(() => parseModelConfig({ ...llama, ...keys }, 'model')).not.toThrow()
  })
})
