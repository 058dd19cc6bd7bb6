import { ServesimError } from '@servesim/core'
import { familyOf, genericFamily } from './architecture.js'

type Config = Readonly<Record<string, unknown>>

interface Unsupported {
  /** The configuration has the feature where one of these keys is set (not null, false, 0, '' or []) and `applies`, if given, agrees. */
  keys: readonly string[]
  feature: string
  hint?: string
  applies?(value: unknown, config: Config): boolean
}

const quantised = 'Quantised weights'
const hybrid = 'Layers without attention over the whole context (state-space or linear attention)'
const sharedExperts = 'Shared experts'

/** Features that change sizes or times and are not modelled: to leave them out silently would give wrong numbers. */
const unsupported: readonly Unsupported[] = [
  { keys: ['is_encoder_decoder'], feature: 'An encoder beside the decoder' },
  {
    keys: ['text_config'],
    feature: 'A model of several modalities',
    hint: 'Pass the content of "text_config", with its "model_type", to simulate the language model alone.',
  },
  { keys: ['compression_config'], feature: quantised, hint: 'Pass the configuration of the unquantised model.' },
  { keys: ['kv_lora_rank', 'q_lora_rank'], feature: 'Multi-head latent attention (MLA)' },
  { keys: ['index_topk'], feature: 'Sparse attention by an indexer' },
  { keys: ['hybrid_override_pattern', 'layers_block_type', 'attn_layer_period', 'full_attention_interval'], feature: hybrid },
  { keys: ['linear_num_key_heads', 'mamba_d_state', 'ssm_state_size', 'state_size'], feature: hybrid },
  { keys: ['layer_types'], feature: 'A layer type other than "full_attention"', applies: (value) => !isAllFullAttention(value) },
  { keys: ['attention_chunk_size'], feature: 'Attention in chunks' },
  { keys: ['sliding_window_pattern'], feature: 'Sliding-window attention' },
  { keys: ['sliding_window'], feature: 'Sliding-window attention', applies: windowIsFelt },
  { keys: ['shared_expert_intermediate_size', 'n_shared_experts', 'num_shared_experts'], feature: sharedExperts },
  {
    keys: ['num_experts', 'num_local_experts', 'n_routed_experts', 'moe_num_experts'],
    feature: 'Mixture of experts in this family',
    hint: 'Families with experts: qwen3_moe, mixtral, phimoe.',
    applies: (_, config) => familyOf(String(config.model_type))?.experts === undefined,
  },
  {
    // A config.json does not say whether the MLP has a gate. In dense families with SiLU it has; with GELU or ReLU some have none.
    keys: ['hidden_act', 'hidden_activation', 'activation_function'],
    feature: 'A family that is not known, with an activation other than SiLU,',
    applies: (value, config) => familyOf(String(config.model_type)) === undefined && value !== 'silu' && value !== 'swiglu',
  },
]

/** @throws ServesimError SERVESIM_BAD_OPTION that names the key of the first feature that is not modelled */
export function refuseUnsupported(config: Config, path: string): void {
  for (const { keys, feature, applies, hint } of unsupported) {
    for (const key of keys) {
      const value = config[key]
      if (isUnset(value) || applies?.(value, config) === false) continue
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        `${path}.${key}`,
        `${feature} is not modelled yet, and without it sizes and times would be wrong ("model_type" is ${JSON.stringify(config.model_type)}).`,
        hint ?? 'Choose a model without it: `servesim models` lists the known ones.',
      )
    }
  }
}

function isUnset(value: unknown): boolean {
  return (
    value === undefined || value === null || value === false || value === 0 || value === '' || (Array.isArray(value) && value.length === 0)
  )
}

function isAllFullAttention(value: unknown): boolean {
  return Array.isArray(value) && value.every((type) => type === 'full_attention')
}

/** A window as long as the longest context, or one that is switched off, changes nothing. */
function windowIsFelt(window: unknown, config: Config): boolean {
  const { slidesByDefault } = familyOf(String(config.model_type)) ?? genericFamily
  const slides = config.use_sliding_window ?? slidesByDefault
  if (slides === false) return false
  const longest = config.max_position_embeddings
  return !(typeof window === 'number' && typeof longest === 'number' && window >= longest)
}
