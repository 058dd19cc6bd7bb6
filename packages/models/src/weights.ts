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
function weightElements(a: Architecture, share: Share, { layers, sparse, first, last }: Stage): number {
  const everyLayer = attentionElements(a, share) + 2 * normElements(a)
  return (
    layers * everyLayer +
    (layers - sparse) * mlpElements(a, share) +
    sparse * expertElements(a, share) +
    (last ? normElements(a) : 0) +
    embeddingElements(a, share, first, last)
  )
}

/** Bytes of one rank's weights, scales of quantised ones included. */
export function weightBytes(a: Architecture, share: Share, stage: Stage): number {
  const all = weightElements(a, share, stage)
  if (a.quantisation === undefined) return all * a.bytesPerElement
  const { layers, sparse } = stage
  const experts = sparse * expertMatrices(a, share)
  const others = layers * attentionMatrices(a, share) + (layers - sparse) * mlpMatrices(a, share)
  const quantised = experts + (a.quantisation.expertsOnly ? 0 : others)
  return Math.ceil((all - quantised) * a.bytesPerElement + quantised * a.quantisation.weightBytesPerElement)
}

function normElements(a: Architecture): number {
  return a.hiddenSize * (a.normBias ? 2 : 1)
}

function attentionMatrices(a: Architecture, { heads, kvHeads }: Share): number {
  return a.hiddenSize * (2 * heads + 2 * kvHeads) * a.headDim
}

function attentionElements(a: Architecture, share: Share): number {
  const qkvWidth = (share.heads + 2 * share.kvHeads) * a.headDim
  return attentionMatrices(a, share) + (a.qkvBias ? qkvWidth : 0) + (a.outputBias ? a.hiddenSize : 0) + (a.qkNorm ? 2 * a.headDim : 0)
}

/** Gate, up and down. */
function mlpMatrices(a: Architecture, { intermediateSize }: Share): number {
  return 3 * a.hiddenSize * intermediateSize
}

function mlpElements(a: Architecture, share: Share): number {
  const { intermediateSize } = share
  return mlpMatrices(a, share) + (a.mlpBias ? 2 * intermediateSize + a.hiddenSize : 0)
}

/** Gate, up and down of every local expert. */
function expertMatrices(a: Architecture, { localExperts, expertIntermediateSize }: Share): number {
  return localExperts * 3 * a.hiddenSize * expertIntermediateSize
}

function expertElements(a: Architecture, share: Share): number {
  return a.hiddenSize * (a.experts?.experts ?? 0) + expertMatrices(a, share)
}

/** The input embedding on the first stage, the output projection on the last; where they are one, both stages hold it. */
function embeddingElements(a: Architecture, { vocabularyRows }: Share, first: boolean, last: boolean): number {
  const matrices = first && last && a.tiedEmbeddings ? 1 : Number(first) + Number(last)
  return vocabularyRows * a.hiddenSize * matrices + (last && a.lmHeadBias ? vocabularyRows : 0)
}
