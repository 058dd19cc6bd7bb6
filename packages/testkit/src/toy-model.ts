import { definePlugin, type Model, modelSource, type OperatorGraph, type Parallelism, type ShardOptions } from '@servesim/core'

const layers = 2
const heads = 4
const headDim = 8
const hiddenSize = heads * headDim
const bytesPerElement = 2

/** A model small enough to compute by hand: two layers with one matrix product each, attention, and logits. */
export const toyModel: Model = {
  id: 'toy',
  layers,
  hiddenSize,
  heads,
  kvHeads: heads,
  headDim,
  vocabularySize: 64,
  parameters: layers * hiddenSize * hiddenSize,
  maxModelLenTokens: 4096,
  experts: 0,
  expertsPerToken: 0,
  weightBytesPerElement: bytesPerElement,
  shard: shardToy,
}

function shardToy({ tensor }: Parallelism, { kvBytesPerElement = bytesPerElement }: ShardOptions): OperatorGraph {
  const element = { weightBytesPerElement: bytesPerElement, activationBytesPerElement: bytesPerElement }
  return {
    operators: [
      { kind: 'gemm', name: 'linear', class: 'linear', rows: 'tokens', repeat: layers, n: hiddenSize / tensor, k: hiddenSize, ...element },
      {
        kind: 'attention',
        name: 'attention',
        class: 'attention',
        repeat: layers,
        heads: heads / tensor,
        kvHeads: heads / tensor,
        headDim,
        kvBytesPerElement,
      },
      { kind: 'gemm', name: 'lm_head', class: 'logits-sampling', rows: 'sequences', repeat: 1, n: 64 / tensor, k: hiddenSize, ...element },
    ],
    collectives:
      tensor === 1
        ? []
        : [
            {
              name: 'all_reduce',
              collective: 'all-reduce',
              ranks: tensor,
              rows: 'tokens',
              bytesPerRow: hiddenSize * bytesPerElement,
              repeat: layers,
            },
          ],
    layers,
    weightBytes: (layers * hiddenSize * hiddenSize * bytesPerElement) / tensor,
    kvBytesPerToken: (2 * layers * heads * headDim * kvBytesPerElement) / tensor,
    activationBytesPerToken: hiddenSize * bytesPerElement,
    outputBytesPerToken: 0,
    samplingBytesPerSequence: 0,
  }
}

/** Knows the one model `toy`. */
export const toyModels = definePlugin('toy-models', (host) => {
  host.provide(modelSource, {
    name: 'toy',
    resolve: (reference) => (reference === toyModel.id ? toyModel : undefined),
    list: () => [toyModel.id],
  })
})
