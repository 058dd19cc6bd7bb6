import type { Quantisation } from './quantisation.js'

/** Experts of the layers that have them. */
export interface ExpertArchitecture {
  /** Layers whose MLP is a mixture of experts, ≥ 1; the others are dense. */
  layers: number
  /** Those are every so-many-th layer, the first of them layer `every` − 1, except those listed (from 0, ascending). */
  every: number
  exceptLayers: readonly number[]
  experts: number
  /** Experts that one token visits. */
  expertsPerToken: number
  /** Width of one expert. */
  intermediateSize: number
}

/**
 * A decoder-only transformer as its `config.json` describes it: pre-norm, grouped-query attention over the whole context, gated
 * MLP or mixture of experts. Counts are of the whole model, before sharding.
 */
export interface Architecture {
  /** `model_type` of the configuration. */
  family: string
  layers: number
  hiddenSize: number
  heads: number
  kvHeads: number
  headDim: number
  /** Width of a dense MLP; unused where every layer has experts. */
  intermediateSize: number
  vocabularySize: number
  maxModelLenTokens: number
  /** Bytes of a weight, an activation and, unless chosen otherwise, a KV element. */
  bytesPerElement: number
  /** The input embedding is the output projection as well. */
  tiedEmbeddings: boolean
  /** Queries and keys are normalised per head before the rotary embedding. */
  qkNorm: boolean
  qkvBias: boolean
  /** Bias of the attention's output projection. */
  outputBias: boolean
  mlpBias: boolean
  lmHeadBias: boolean
  /** Norms with a bias beside the weight (LayerNorm); without it RMSNorm. */
  normBias: boolean
  experts: ExpertArchitecture | undefined
  /** Absent: everything in 16 bits. */
  quantisation: Quantisation | undefined
}

/** What a family fixes in its code, so that its `config.json` does not say it. */
export interface Family {
  /** Always (`true`), never (`false`), or as the key `attention_bias` says. */
  qkvBias: boolean | 'attention_bias'
  outputBias: boolean | 'attention_bias'
  qkNorm: boolean
  normBias: boolean
  /** Keys that hold the number of experts and their width; absent for dense families. */
  experts?: { count: 'num_experts' | 'num_local_experts'; width: 'moe_intermediate_size' | 'intermediate_size' }
  /** Whether the model slides its window where the configuration names one and `use_sliding_window` is absent. */
  slidesByDefault: boolean
}

const llama: Family = { qkvBias: 'attention_bias', outputBias: 'attention_bias', qkNorm: false, normBias: false, slidesByDefault: true }
const qwen3: Family = { ...llama, qkNorm: true, slidesByDefault: false }

/** Source: the published models of each family; `published-sizes.test.ts` holds every one of these facts to a published size. */
const families: Readonly<Record<string, Family>> = {
  llama,
  mistral: { ...llama, qkvBias: false, outputBias: false },
  qwen2: { ...llama, qkvBias: true, outputBias: false, slidesByDefault: false },
  qwen3,
  qwen3_moe: { ...qwen3, experts: { count: 'num_experts', width: 'moe_intermediate_size' } },
  mixtral: { ...llama, qkvBias: false, outputBias: false, experts: { count: 'num_local_experts', width: 'intermediate_size' } },
  minimax_m2: {
    ...llama,
    qkvBias: false,
    outputBias: false,
    qkNorm: true,
    experts: { count: 'num_local_experts', width: 'intermediate_size' },
    slidesByDefault: false,
  },
  phimoe: { ...llama, normBias: true, experts: { count: 'num_local_experts', width: 'intermediate_size' } },
}

/** Any other family whose configuration has the same keys: a dense model as Llama. */
export const genericFamily: Family = llama

export function familyOf(modelType: string): Family | undefined {
  return Object.hasOwn(families, modelType) ? families[modelType] : undefined
}
