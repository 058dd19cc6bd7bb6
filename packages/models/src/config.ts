import { ServesimError } from '@servesim/core'
import { z } from 'zod'
import { type Architecture, type ExpertArchitecture, type Family, familyOf, genericFamily } from './architecture.js'
import { parseQuantisation } from './quantisation.js'
import { refuseUnsupported } from './unsupported.js'
import { parameterCount } from './weights.js'

/** `error` of every schema below says what was expected; `explain` builds the sentence around it. */
const wholeNumber = { error: 'a whole number of at least 1' }
const count = z.int(wholeNumber).min(1, wholeNumber)
const optionalCount = count.nullish()
/** Dense models of families with experts write 0. */
const expertCount = z.int(wholeNumber).min(0, wholeNumber).nullish()
const layerIndices = { error: 'a list of layer indices from 0' }
const flag = z.boolean({ error: 'true or false' }).nullish()

/** Bytes of the types that weights are published in. float32 counts 2: `--dtype auto` of vLLM runs such checkpoints in 16 bits. */
const bytesPerElementOf = { bfloat16: 2, float16: 2, float32: 2 } as const
const dtype = z.enum(['bfloat16', 'float16', 'float32'], { error: '"bfloat16", "float16" or "float32"' }).nullish()

const stretch = { error: 'a number above 0, at most 1024' }
const ropeScaling = z.looseObject(
  {
    rope_type: z.string({ error: 'a name' }).nullish(),
    type: z.string({ error: 'a name' }).nullish(),
    factor: z.number(stretch).positive(stretch).max(1024, stretch).nullish(),
    original_max_position_embeddings: optionalCount,
  },
  { error: 'an object' },
)

/** Keys that are read; all others are ignored, except those that `refuseUnsupported` looks for. */
const configSchema = z.looseObject({
  model_type: z.string({ error: 'the name of a family, such as "llama"' }),
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: optionalCount,
  head_dim: optionalCount,
  vocab_size: count,
  max_position_embeddings: count,
  rope_scaling: ropeScaling.nullish(),
  torch_dtype: dtype,
  dtype,
  tie_word_embeddings: flag,
  attention_bias: flag,
  mlp_bias: flag,
  lm_head_bias: flag,
  num_experts: expertCount,
  num_local_experts: expertCount,
  num_experts_per_tok: expertCount,
  moe_intermediate_size: expertCount,
  decoder_sparse_step: optionalCount,
  mlp_only_layers: z.array(z.int(layerIndices).min(0, layerIndices), layerIndices).nullish(),
})
type Config = z.output<typeof configSchema>

/**
 * Reads the content of a Hugging Face `config.json`. Families llama, mistral, qwen2, qwen3, qwen3_moe, mixtral and phimoe; another
 * dense family with the same keys and SiLU is read as Llama.
 * @param config the parsed JSON; unknown keys are ignored
 * @param path where the configuration stands, for errors
 * @throws ServesimError SERVESIM_BAD_OPTION that names the key which is missing, wrong or not modelled
 */
export function parseModelConfig(config: unknown, path: string): Architecture {
  if (!isObject(config)) throw bad(path, `A model configuration is an object; this is ${JSON.stringify(config)}.`)
  refuseUnsupported(config, path)
  const parsed = configSchema.safeParse(config)
  if (!parsed.success) throw explain(parsed.error.issues[0]!, config, path)
  const c = parsed.data
  const family = familyOf(c.model_type) ?? genericFamily
  const architecture: Architecture = {
    family: c.model_type,
    layers: c.num_hidden_layers,
    hiddenSize: c.hidden_size,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
    headDim: c.head_dim ?? c.hidden_size / c.num_attention_heads,
    intermediateSize: c.intermediate_size,
    vocabularySize: c.vocab_size,
    maxModelLenTokens: longestContext(c),
    bytesPerElement: bytesPerElementOf[c.torch_dtype ?? c.dtype ?? 'bfloat16'],
    tiedEmbeddings: c.tie_word_embeddings ?? false,
    qkNorm: family.qkNorm,
    qkvBias: biasOf(family.qkvBias, c),
    outputBias: biasOf(family.outputBias, c),
    mlpBias: c.mlp_bias ?? false,
    lmHeadBias: c.lm_head_bias ?? false,
    normBias: family.normBias,
    experts: expertsOf(family, c, path),
    quantisation: parseQuantisation(config.quantization_config, `${path}.quantization_config`),
  }
  checkShapes(architecture, path)
  return architecture
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function biasOf(bias: Family['qkvBias'], c: Config): boolean {
  return bias === 'attention_bias' ? (c.attention_bias ?? false) : bias
}

/** As vLLM derives `max_model_len`: a scaled rotary embedding stretches the context, except where the published length says so already. */
function longestContext(c: Config): number {
  const scaling = c.rope_scaling
  const type = scaling?.rope_type ?? scaling?.type
  if (!scaling?.factor || !type || ['llama3', 'longrope', 'su', 'default', 'mrope'].includes(type)) return c.max_position_embeddings
  const base = type === 'yarn' ? (scaling.original_max_position_embeddings ?? c.max_position_embeddings) : c.max_position_embeddings
  return Math.floor(base * scaling.factor)
}

function expertsOf(family: Family, c: Config, path: string): ExpertArchitecture | undefined {
  if (family.experts === undefined) return undefined
  const { count: countKey, width: widthKey } = family.experts
  const experts = needed(c, countKey, path)
  const expertsPerToken = needed(c, 'num_experts_per_tok', path)
  if (expertsPerToken > experts) {
    throw bad(`${path}.num_experts_per_tok`, `Key "num_experts_per_tok" is ${expertsPerToken}; expected at most "${countKey}", ${experts}.`)
  }
  const intermediateSize = needed(c, widthKey, path)
  const every = c.decoder_sparse_step ?? 1
  const exceptLayers = layersWithout(c, every)
  const layers = Math.floor(c.num_hidden_layers / every) - exceptLayers.length
  return layers === 0 ? undefined : { layers, every, exceptLayers, experts, expertsPerToken, intermediateSize }
}

/** Every `decoder_sparse_step`-th layer has experts, unless `mlp_only_layers` lists it. */
function layersWithout(c: Config, every: number): number[] {
  const listed = new Set(c.mlp_only_layers?.filter((layer) => layer < c.num_hidden_layers && (layer + 1) % every === 0))
  return [...listed].sort((a, b) => a - b)
}

function needed(c: Config, key: keyof Config & string, path: string): number {
  const value = c[key]
  if (typeof value === 'number' && value >= 1) return value
  throw bad(`${path}.${key}`, `Key "${key}" is ${value ?? 'missing'}; family "${c.model_type}" needs a whole number of at least 1.`)
}

function checkShapes(a: Architecture, path: string): void {
  if (!Number.isInteger(a.headDim)) {
    const message = `Key "head_dim" is missing, and "hidden_size" ${a.hiddenSize} is no multiple of "num_attention_heads" ${a.heads}; expected one of the two.`
    throw bad(`${path}.head_dim`, message)
  }
  if (a.heads % a.kvHeads !== 0) {
    throw bad(
      `${path}.num_key_value_heads`,
      `Key "num_key_value_heads" is ${a.kvHeads}; expected a divisor of "num_attention_heads", ${a.heads}.`,
    )
  }
  // Beyond 2⁵³ bytes the counts would no longer be exact; the largest published models are a thousand times smaller.
  if (!Number.isSafeInteger(parameterCount(a) * a.bytesPerElement)) {
    throw bad(path, 'The sizes multiply to more weights than any computer holds; expected fewer than 2^52 parameters.')
  }
}

function explain(issue: z.core.$ZodIssue, config: unknown, path: string): ServesimError {
  let value: unknown = config
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown>)[key]
  const where = issue.path.join('.')
  const found = value === undefined ? 'is missing' : `is ${typeof value === 'number' ? value : JSON.stringify(value)}`
  return bad(where === '' ? path : `${path}.${where}`, `Key "${where}" ${found}; expected ${issue.message}.`)
}

function bad(path: string, message: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_OPTION', path, message, "Compare with the model's config.json on Hugging Face.")
}
