/** A published model by the keys of its `config.json` that bear on sizes and times. */
interface CatalogueRow {
  /** Hugging Face id. */
  id: string
  /** Further ids with the same sizes: instruction-tuned variants and former names. */
  aliases: readonly string[]
  config: Readonly<Record<string, unknown>>
}

const llama31 = { model_type: 'llama', vocab_size: 128256, max_position_embeddings: 131072, torch_dtype: 'bfloat16' }
const llama2 = { model_type: 'llama', vocab_size: 32000, max_position_embeddings: 4096, torch_dtype: 'float16' }
const qwen3 = { model_type: 'qwen3', head_dim: 128, vocab_size: 151936, max_position_embeddings: 40960, torch_dtype: 'bfloat16' }
const qwen3Moe = {
  ...qwen3,
  model_type: 'qwen3_moe',
  num_hidden_layers: 48,
  hidden_size: 2048,
  intermediate_size: 6144,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  num_experts: 128,
  num_experts_per_tok: 8,
  moe_intermediate_size: 768,
}

const qwen3Large = {
  ...qwen3Moe,
  num_hidden_layers: 94,
  hidden_size: 4096,
  intermediate_size: 12288,
  num_attention_heads: 64,
  num_key_value_heads: 4,
  moe_intermediate_size: 1536,
}
const blockwiseFp8 = { quant_method: 'fp8', weight_block_size: [128, 128] }

/** Source: the `config.json` of each id on Hugging Face. */
export const catalogueRows: readonly CatalogueRow[] = [
  {
    id: 'meta-llama/Llama-3.1-8B',
    aliases: ['meta-llama/Llama-3.1-8B-Instruct', 'meta-llama/Meta-Llama-3.1-8B', 'meta-llama/Meta-Llama-3.1-8B-Instruct'],
    config: {
      ...llama31,
      num_hidden_layers: 32,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_attention_heads: 32,
      num_key_value_heads: 8,
    },
  },
  {
    id: 'meta-llama/Llama-3.1-70B',
    aliases: ['meta-llama/Llama-3.1-70B-Instruct', 'meta-llama/Meta-Llama-3.1-70B', 'meta-llama/Meta-Llama-3.1-70B-Instruct'],
    config: {
      ...llama31,
      num_hidden_layers: 80,
      hidden_size: 8192,
      intermediate_size: 28672,
      num_attention_heads: 64,
      num_key_value_heads: 8,
    },
  },
  {
    id: 'meta-llama/Llama-2-7b-hf',
    aliases: ['meta-llama/Llama-2-7b', 'meta-llama/Llama-2-7b-chat', 'meta-llama/Llama-2-7b-chat-hf'],
    config: { ...llama2, num_hidden_layers: 32, hidden_size: 4096, intermediate_size: 11008, num_attention_heads: 32 },
  },
  {
    id: 'meta-llama/Llama-2-70b-hf',
    aliases: ['meta-llama/Llama-2-70b', 'meta-llama/Llama-2-70b-chat', 'meta-llama/Llama-2-70b-chat-hf'],
    config: {
      ...llama2,
      num_hidden_layers: 80,
      hidden_size: 8192,
      intermediate_size: 28672,
      num_attention_heads: 64,
      num_key_value_heads: 8,
    },
  },
  {
    id: 'Qwen/Qwen3-8B',
    aliases: [],
    config: {
      ...qwen3,
      num_hidden_layers: 36,
      hidden_size: 4096,
      intermediate_size: 12288,
      num_attention_heads: 32,
      num_key_value_heads: 8,
    },
  },
  {
    id: 'Qwen/Qwen3-14B',
    aliases: [],
    config: {
      ...qwen3,
      num_hidden_layers: 40,
      hidden_size: 5120,
      intermediate_size: 17408,
      num_attention_heads: 40,
      num_key_value_heads: 8,
    },
  },
  {
    id: 'Qwen/Qwen3-32B',
    aliases: [],
    config: {
      ...qwen3,
      num_hidden_layers: 64,
      hidden_size: 5120,
      intermediate_size: 25600,
      num_attention_heads: 64,
      num_key_value_heads: 8,
    },
  },
  { id: 'Qwen/Qwen3-30B-A3B', aliases: [], config: qwen3Moe },
  { id: 'Qwen/Qwen3-30B-A3B-Instruct-2507', aliases: [], config: { ...qwen3Moe, max_position_embeddings: 262144 } },
  { id: 'Qwen/Qwen3-235B-A22B', aliases: [], config: qwen3Large },
  { id: 'Qwen/Qwen3-235B-A22B-FP8', aliases: [], config: { ...qwen3Large, quantization_config: blockwiseFp8 } },
  {
    id: 'MiniMaxAI/MiniMax-M2.5',
    aliases: [],
    config: {
      model_type: 'minimax_m2',
      num_hidden_layers: 62,
      hidden_size: 3072,
      intermediate_size: 1536,
      num_attention_heads: 48,
      num_key_value_heads: 8,
      head_dim: 128,
      num_local_experts: 256,
      num_experts_per_tok: 8,
      vocab_size: 200064,
      max_position_embeddings: 196608,
      torch_dtype: 'bfloat16',
      quantization_config: blockwiseFp8,
    },
  },
  {
    id: 'mistralai/Mixtral-8x7B-v0.1',
    aliases: ['mistralai/Mixtral-8x7B-Instruct-v0.1', 'mistralai/Mixtral-8x7B'],
    config: {
      model_type: 'mixtral',
      num_hidden_layers: 32,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      num_local_experts: 8,
      num_experts_per_tok: 2,
      vocab_size: 32000,
      max_position_embeddings: 32768,
      torch_dtype: 'bfloat16',
    },
  },
  {
    id: 'codellama/CodeLlama-34b-hf',
    aliases: [
      'codellama/CodeLlama-34b-Instruct-hf',
      'meta-llama/CodeLlama-34b-hf',
      'meta-llama/CodeLlama-34b-Instruct-hf',
      'codellama/CodeLlama-34b',
    ],
    config: {
      model_type: 'llama',
      num_hidden_layers: 48,
      hidden_size: 8192,
      intermediate_size: 22016,
      num_attention_heads: 64,
      num_key_value_heads: 8,
      vocab_size: 32000,
      max_position_embeddings: 16384,
      torch_dtype: 'bfloat16',
    },
  },
]
