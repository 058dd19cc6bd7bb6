import { type Parallelism, ServesimError } from '@servesim/core'
import type { Architecture } from './architecture.js'

/** vLLM pads the vocabulary to a multiple of this before it divides it (`DEFAULT_VOCAB_PADDING_SIZE`, vLLM 0.19). */
const vocabularyPadding = 64

/** What one rank of a tensor-parallel group holds of every layer. */
export interface Share {
  tensor: number
  heads: number
  /** At least 1: KV heads are replicated where there are fewer than ranks. */
  kvHeads: number
  intermediateSize: number
  localExperts: number
  /** Ranks that share the experts; 1 where every expert is divided. */
  expertRanks: number
  expertIntermediateSize: number
  /** Rows of the embedding and of the output projection. */
  vocabularyRows: number
}

/** The whole model on no rank in particular: what was published, the vocabulary not padded. */
export function wholeShare(a: Architecture): Share {
  return {
    tensor: 1,
    heads: a.heads,
    kvHeads: a.kvHeads,
    intermediateSize: a.intermediateSize,
    localExperts: a.experts?.experts ?? 0,
    expertRanks: 1,
    expertIntermediateSize: a.experts?.intermediateSize ?? 0,
    vocabularyRows: a.vocabularySize,
  }
}

/**
 * Divides a model as vLLM does: heads, MLP width and vocabulary by the tensor degree; experts either every one by width or, where
 * `expert` is above 1, by number.
 * @throws ServesimError SERVESIM_BAD_OPTION where a degree is no whole number of at least 1,
 *   SERVESIM_CAPABILITY_MISMATCH where it does not divide what it splits or is not modelled
 */
export function shareOf(a: Architecture, parallelism: Parallelism): Share {
  const { tensor, pipeline, expert } = parallelism
  for (const [name, degree] of Object.entries({ tensor, pipeline, expert })) checkDegree(name, degree)
  checkExpertDegree(a, tensor, expert)
  if (a.kvHeads % tensor !== 0 && tensor % a.kvHeads !== 0) {
    throw mismatch('tensor', `Tensor parallelism ${tensor} neither divides the ${a.kvHeads} KV heads nor is a multiple of them.`)
  }
  const byWidth = a.experts !== undefined && expert === 1
  const hasDenseLayers = a.experts === undefined || a.experts.layers < a.layers
  return {
    tensor,
    heads: divide(a.heads, tensor, 'query heads'),
    kvHeads: Math.max(1, a.kvHeads / tensor),
    intermediateSize: hasDenseLayers ? divide(a.intermediateSize, tensor, 'columns of the MLP') : 0,
    localExperts: divide(a.experts?.experts ?? 0, expert, 'experts', 'expert'),
    expertRanks: expert,
    expertIntermediateSize: divide(a.experts?.intermediateSize ?? 0, byWidth ? tensor : 1, 'columns of an expert'),
    vocabularyRows: divide(Math.ceil(a.vocabularySize / vocabularyPadding) * vocabularyPadding, tensor, 'rows of the padded vocabulary'),
  }
}

function checkDegree(name: string, degree: number): void {
  if (Number.isSafeInteger(degree) && degree >= 1) return
  throw new ServesimError('SERVESIM_BAD_OPTION', `parallelism.${name}`, `The degree is ${degree}; expected a whole number of at least 1.`)
}

/**
 * Experts are spread over the ranks of the tensor-parallel group, as vLLM's `--enable-expert-parallel` does, or over those of several
 * data-parallel replicas.
 */
function checkExpertDegree(a: Architecture, tensor: number, expert: number): void {
  if (expert === 1) return
  if (a.experts === undefined)
    throw mismatch('expert', `Expert parallelism ${expert} asks for experts, but the model is dense.`, 'Set parallelism.expert to 1.')
  if (expert % tensor === 0) return
  throw mismatch(
    'expert',
    `Expert parallelism ${expert} beside tensor parallelism ${tensor} is not modelled; expected 1 (every expert divided), ${tensor} (experts spread over the ranks) or a multiple of ${tensor} (spread over replicas that step together).`,
  )
}

function divide(count: number, degree: number, what: string, name: 'tensor' | 'expert' = 'tensor'): number {
  if (count % degree === 0) return count / degree
  throw mismatch(name, `The degree ${degree} does not divide the ${count} ${what}.`)
}

function mismatch(name: string, message: string, hint = 'Choose a degree that divides it, usually 1, 2, 4 or 8.'): ServesimError {
  return new ServesimError('SERVESIM_CAPABILITY_MISMATCH', `parallelism.${name}`, message, hint)
}
