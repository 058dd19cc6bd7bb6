import { isServesimError, type Model, modelSource, type Registry } from '@servesim/core'
import type { SiliconRow } from './silicon-csv.js'

/** What `quantization_config` says of a model that was converted to a number format of the set. */
const conversions: Readonly<Record<string, Record<string, unknown>>> = {
  fp8: { quant_method: 'fp8' },
  fp8_block: { quant_method: 'fp8', weight_block_size: [128, 128] },
  nvfp4: { quant_method: 'modelopt', quant_algo: 'NVFP4' },
}

/** Families whose attention or layers are not modelled, by what their names begin with. */
const unmodelled: readonly (readonly [name: RegExp, why: string])[] = [
  [/\/(Kimi|DeepSeek)/i, 'attention: multi-head latent attention (MLA)'],
  [/\/gpt-oss/i, 'attention: a sliding window in every other layer'],
  [/\/Qwen3\.5/i, 'attention: linear attention'],
  [/\/GLM-5/i, 'attention: sparse attention by an indexer'],
]

export interface ServedModel {
  model: Model
  /** As a scenario names it. */
  reference: string | Record<string, unknown>
}

/** The model as served: a checkpoint that is quantised as the row says, else the model converted; or why it cannot be simulated. */
export function servedModel(row: SiliconRow, registry: Registry): ServedModel | string {
  const why = unmodelled.find(([name]) => name.test(row.model))?.[1]
  if (why !== undefined) return why
  const base = resolve(row.model, registry)
  if (typeof base === 'string') return base
  const { gemmQuantisation, moeQuantisation } = row
  if (base.experts > 0 && gemmQuantisation !== moeQuantisation)
    return `quantisation: ${gemmQuantisation} beside experts in ${moeQuantisation}`
  const own = precisionOf(base)
  if (gemmQuantisation === '' || own.startsWith(gemmQuantisation)) return { model: base, reference: row.model }
  const conversion = conversions[gemmQuantisation]
  if (conversion === undefined) return `quantisation: ${gemmQuantisation}`
  const reference = { _name_or_path: base.id, quantization_config: conversion }
  const model = resolve(reference, registry)
  return typeof model === 'string' ? model : { model, reference }
}

function precisionOf(model: Model): string {
  const { operators } = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
  for (const operator of operators) if ('precision' in operator && operator.precision !== undefined) return operator.precision
  return 'bf16'
}

function resolve(reference: string | Record<string, unknown>, registry: Registry): Model | string {
  try {
    for (const { provided } of registry.all(modelSource)) {
      const model = provided.resolve(reference)
      if (model !== undefined) return model
    }
  } catch (error) {
    if (isServesimError(error)) return `model: ${error.message}`
    throw error
  }
  return `model: ${typeof reference === 'string' ? reference : String(reference._name_or_path)} is not in the catalogue`
}
