import {
  definePlugin,
  type Model,
  modelSource,
  type Operator,
  type OperatorGraph,
  type Parallelism,
  type ShardOptions,
} from '@servesim/core'

const heads = 4
const headDim = 8
const hiddenSize = heads * headDim
const bytesPerElement = 2

/** A model small enough to compute by hand: two layers with one matrix product each, attention, and logits. */
export const toyModel: Model = toyModelOf('toy', 2)

/** The same with eight layers, for pipelines. */
const deepToyModel: Model = toyModelOf('toy-deep', 8)

function toyModelOf(id: string, layers: number): Model {
  return {
    id,
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
    shard: (parallelism, options) => shardToy(layers, parallelism, options),
  }
}

/** Layers are divided evenly, or as stated; the logits are on the last stage. */
function shardToy(
  all: number,
  { tensor, pipeline, pipelineLayers }: Parallelism,
  { kvBytesPerElement = bytesPerElement, stage = 0 }: ShardOptions,
): OperatorGraph {
  const layers = pipelineLayers?.[stage] ?? all / pipeline
  const isLast = stage === pipeline - 1
  const element = { weightBytesPerElement: bytesPerElement, activationBytesPerElement: bytesPerElement }
  const logits: Operator = {
    kind: 'gemm',
    name: 'lm_head',
    class: 'logits-sampling',
    rows: 'sequences',
    repeat: 1,
    n: 64 / tensor,
    k: hiddenSize,
    ...element,
  }
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
      ...(isLast ? [logits] : []),
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
    handoverBytesPerToken: isLast ? 0 : (hiddenSize * bytesPerElement) / tensor,
    activationBytesPerToken: hiddenSize * bytesPerElement,
    outputBytesPerToken: 0,
    samplingBytesPerSequence: 0,
  }
}

/** Knows the models `toy` and `toy-deep`. */
export const toyModels = definePlugin('toy-models', (host) => {
  const known = [toyModel, deepToyModel]
  host.provide(modelSource, {
    name: 'toy',
    resolve: (reference) => known.find(({ id }) => id === reference),
    list: () => known.map(({ id }) => id),
  })
})
