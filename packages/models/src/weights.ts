import type { Architecture } from './architecture.js'
import { type Share, wholeShare } from './share.js'
import { type Stage, wholeStage } from './stages.js'

/** Parameters as published: vocabulary not padded, tied embeddings counted once. */
export function parameterCount(a: Architecture): number {
  return weightElements(a, wholeShare(a), wholeStage(a))
}

/**
 * Weight elements of one rank. Norms, the router and the biases of the two projections that an all-reduce follows are on every rank;
 * everything else is divided as `share` says.
 */
export function weightElements(a: Architecture, share: Share, { layers, sparse, first, last }: Stage): number {
  const everyLayer = attentionElements(a, share) + 2 * normElements(a)
  return (
    layers * everyLayer +
    (layers - sparse) * mlpElements(a, share) +
    sparse * expertElements(a, share) +
    (last ? normElements(a) : 0) +
    embeddingElements(a, share, first, last)
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

/** The input embedding on the first stage, the output projection on the last; where they are one, both stages hold it. */
function embeddingElements(a: Architecture, { vocabularyRows }: Share, first: boolean, last: boolean): number {
  const matrices = first && last && a.tiedEmbeddings ? 1 : Number(first) + Number(last)
  return vocabularyRows * a.hiddenSize * matrices + (last && a.lmHeadBias ? vocabularyRows : 0)
}
