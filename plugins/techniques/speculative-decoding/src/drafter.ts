import { type OperatorGraph, ServesimError, type TechniqueContext } from '@servesim/core'
import { headGraph } from './drafter-graph.js'
import type { Method } from './methods.js'
import type { Options } from './options.js'

/** What drafts on the device, and whose operators those are. */
export interface Drafter {
  graph: OperatorGraph
  model: string
}

/**
 * The graph that drafts, none for lookup in the text.
 * @throws ServesimError SERVESIM_BAD_OPTION where a small model, or a dense head for a model of experts, is not named
 */
export function drafterOf(options: Options, method: Method, { pool, path }: TechniqueContext): Drafter | undefined {
  const { method: name, draftModel, draftVocabularySize } = options
  const at = `${path}.draftModel`
  if (name === 'ngram' || name === 'mtp') {
    if (draftModel !== undefined) throw surplus(name, at)
    if (name === 'ngram') return undefined
    return { graph: headGraph(pool.shard(pool.model), pool.model, method, draftVocabularySize), model: pool.model.id }
  }
  if (draftModel === undefined) {
    if (name === 'draft-model')
      throw missing(at, 'The small model that drafts is not named.', 'Set draftModel, such as to the smallest model of the same family.')
    if (pool.model.experts > 0) {
      throw missing(
        at,
        `${pool.model.id} has experts; heads of ${name} are dense, and how wide this one is cannot be told from the model.`,
        'Set draftModel to the config.json of the head, or use the method mtp.',
      )
    }
    return { graph: headGraph(pool.shard(pool.model), pool.model, method, draftVocabularySize), model: pool.model.id }
  }
  const model = pool.resolveModel(draftModel, at)
  checkVocabulary(pool.model.vocabularySize, model.vocabularySize, name, at)
  const graph = pool.shard(model)
  return { graph: name === 'draft-model' ? graph : headGraph(graph, model, method, draftVocabularySize), model: model.id }
}

/** A draft is a token of the target: vLLM refuses to start with another vocabulary. */
function checkVocabulary(target: number, drafter: number, method: Options['method'], path: string): void {
  if (method !== 'draft-model' || target === drafter) return
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    `The model that drafts has ${drafter} tokens in its vocabulary, the one that verifies ${target}.`,
    'Choose a model with the same vocabulary, usually one of the same family.',
  )
}

function missing(path: string, message: string, hint: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_OPTION', path, message, hint)
}

function surplus(method: string, path: string): ServesimError {
  return missing(path, `${method} drafts without a model of its own.`, 'Leave draftModel out, or choose the method draft-model.')
}
