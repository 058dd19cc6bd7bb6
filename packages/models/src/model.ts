import { type Model, type OperatorGraph, type Parallelism, ServesimError, type ShardOptions } from '@servesim/core'
import { activationBytesPerToken, outputBytesPerToken, samplingBytesPerSequence } from './activations.js'
import type { Architecture } from './architecture.js'
import { collectivesOf, handoverBytesPerToken, operatorsOf } from './graph.js'
import { shareOf } from './share.js'
import { stageOf } from './stages.js'
import { parameterCount, weightBytes } from './weights.js'

/** @param id Hugging Face id or any name that tells the model from others; bundles are matched by it */
export function createModel(id: string, architecture: Architecture): Model {
  const a = architecture
  return {
    id,
    layers: a.layers,
    hiddenSize: a.hiddenSize,
    heads: a.heads,
    kvHeads: a.kvHeads,
    headDim: a.headDim,
    vocabularySize: a.vocabularySize,
    parameters: parameterCount(a),
    maxModelLenTokens: a.maxModelLenTokens,
    experts: a.experts?.experts ?? 0,
    expertsPerToken: a.experts?.expertsPerToken ?? 0,
    weightBytesPerElement: a.quantisation?.weightBytesPerElement ?? a.bytesPerElement,
    shard: (parallelism, options) => shard(a, parallelism, options),
  }
}

function shard(a: Architecture, parallelism: Parallelism, options: ShardOptions): OperatorGraph {
  const kvBytesPerElement = options.kvBytesPerElement ?? a.bytesPerElement
  if (!(kvBytesPerElement > 0 && kvBytesPerElement <= 8)) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      'kvBytesPerElement',
      `A KV element has ${kvBytesPerElement} bytes; expected a number above 0 and up to 8.`,
    )
  }
  const share = shareOf(a, parallelism)
  const stage = stageOf(a, parallelism, options.stage ?? 0)
  return {
    operators: operatorsOf(a, share, stage, kvBytesPerElement),
    collectives: collectivesOf(a, share, stage),
    layers: stage.layers,
    weightBytes: weightBytes(a, share, stage),
    kvBytesPerToken: 2 * share.kvHeads * a.headDim * kvBytesPerElement * stage.layers,
    handoverBytesPerToken: handoverBytesPerToken(a, share, stage),
    activationBytesPerToken: activationBytesPerToken(a, share, stage),
    outputBytesPerToken: outputBytesPerToken(a, stage),
    samplingBytesPerSequence: samplingBytesPerSequence(a, share, stage),
  }
}
