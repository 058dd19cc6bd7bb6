import type { Architecture } from './architecture.js'
import { type Share, wholeShare } from './share.js'

/** Parameters as published: vocabulary not padded, tied embeddings counted once. */
export function parameterCount(a: Architecture): number {
  return weightElements(a, wholeShare(a))
}

/**
 * Weight elements of one rank. Norms, the router and the biases of the two projections that an all-reduce follows are on every rank;
 * everything else is divided as `share` says.
 */
export function weightElements(a: Architecture, share: Share): number {
  const sparse = a.experts?.layers ?? 0
  const everyLayer = attentionElements(a, share) + 2 * normElements(a)
  return (
    a.layers * everyLayer +
    (a.layers - sparse) * mlpElements(a, share) +
    sparse * expertElements(a, share) +
    normElements(a) +
    embeddingElements(a, share)
  )
}

function normElements(a: Architecture): number {
  return a.hiddenSize * (a.normBias ? 2 : 1)
}

function attentionElements(a: Architecture, { heads, kvHeads }: Share): number {
  const qkvWidth = (heads + 2 * kvHeads) * a.headDim
  return (
    a.hiddenSize * qkvWidth +
    heads * a.headDim * a.hiddenSize +
    (a.qkvBias ? qkvWidth : 0) +
    (a.outputBias ? a.hiddenSize : 0) +
    (a.qkNorm ? 2 * a.headDim : 0)
  )
}

/** Gate, up and down. */
function mlpElements(a: Architecture, { intermediateSize }: Share): number {
  return 3 * a.hiddenSize * intermediateSize + (a.mlpBias ? 2 * intermediateSize + a.hiddenSize : 0)
}

/** Router and gate, up and down of every local expert. */
function expertElements(a: Architecture, { localExperts, expertIntermediateSize }: Share): number {
  return a.hiddenSize * (a.experts?.experts ?? 0) + localExperts * 3 * a.hiddenSize * expertIntermediateSize
}

function embeddingElements(a: Architecture, { vocabularyRows }: Share): number {
  return vocabularyRows * a.hiddenSize * (a.tiedEmbeddings ? 1 : 2) + (a.lmHeadBias ? vocabularyRows : 0)
}
