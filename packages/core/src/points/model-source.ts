import type { Model } from '../operators.js'
import { definePoint } from './point.js'

/** Resolves a model reference of a scenario. Sources are asked in turn; the first that knows the reference answers. */
export interface ModelSource {
  readonly name: string
  /**
   * @param reference an id (any case, last segment accepted where unique) or the content of a Hugging Face `config.json`
   * @returns undefined where this source does not know the reference
   * @throws ServesimError SERVESIM_BAD_OPTION where it knows the family but a key is missing or wrong
   */
  resolve(reference: string | Record<string, unknown>): Model | undefined
  /** Ids it knows by name, for near matches and `servesim models`. */
  list(): string[]
}

export const modelSource = definePoint<ModelSource>({ id: 'servesim/model-source', contract: 1, cardinality: 'chain', scope: 'cluster' })
