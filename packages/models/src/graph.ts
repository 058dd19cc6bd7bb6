import type { Attention, CollectiveCall, Elementwise, Gemm, Moe, Operator, OperatorClass, Rows } from '@servesim/core'
import type { Architecture } from './architecture.js'
import type { Share } from './share.js'
import type { Stage } from './stages.js'

/** Operators of one rank in the order of a forward pass through its stage; the layers' are listed once and repeated. */
export function operatorsOf(a: Architecture, share: Share, stage: Stage, kvBytesPerElement: number): Operator[] {
  const hidden = a.hiddenSize * a.bytesPerElement
  return [
    ...(stage.first ? [elementwise('embedding', 'embedding', 'tokens', 2 * hidden, 1)] : []),
    // Fused with the addition of the residual: reads and writes the hidden state and the residual.
    elementwise('layernorm', 'norm-activation', 'tokens', 4 * hidden, 2 * stage.layers),
    ...attentionOperators(a, share, stage, kvBytesPerElement),
    ...mlpOperators(a, share, stage),
    ...(stage.last ? outputOperators(a, share) : []),
  ]
}

function outputOperators(a: Architecture, share: Share): Operator[] {
  return [
    elementwise('final_layernorm', 'norm-activation', 'tokens', 4 * a.hiddenSize * a.bytesPerElement, 1),
    outputProjection(a, share.vocabularyRows),
    // Casts the logits to fp32 (read, write 4) and finds the largest (read 4) over the gathered vocabulary.
    elementwise('sampler', 'logits-sampling', 'sequences', share.vocabularyRows * share.tensor * (a.bytesPerElement + 8), 1),
  ]
}

function attentionOperators(a: Architecture, { heads, kvHeads }: Share, { layers }: Stage, kvBytesPerElement: number): Operator[] {
  const { headDim } = a
  const queriesAndKeys = (heads + kvHeads) * headDim * a.bytesPerElement
  const attention: Attention = {
    kind: 'attention',
    name: 'attention',
    class: 'attention',
    repeat: layers,
    heads,
    kvHeads,
    headDim,
    kvBytesPerElement,
  }
  return [
    gemm('qkv_proj', 'linear', 'tokens', (heads + 2 * kvHeads) * headDim, a.hiddenSize, a, layers),
    ...(a.qkNorm ? [elementwise('qk_norm', 'norm-activation', 'tokens', 2 * queriesAndKeys, layers)] : []),
    elementwise('rotary_emb', 'norm-activation', 'tokens', 2 * queriesAndKeys, layers),
    attention,
    gemm('o_proj', 'linear', 'tokens', a.hiddenSize, heads * headDim, a, layers),
  ]
}

function mlpOperators(a: Architecture, share: Share, { layers, sparse }: Stage): Operator[] {
  const { intermediateSize: width } = share
  const dense = layers - sparse
  const operators: Operator[] = []
  if (dense > 0) {
    operators.push(
      gemm('gate_up_proj', 'linear', 'tokens', 2 * width, a.hiddenSize, a, dense),
      elementwise('act_fn', 'norm-activation', 'tokens', 3 * width * a.bytesPerElement, dense),
      gemm('down_proj', 'linear', 'tokens', a.hiddenSize, width, a, dense),
    )
  }
  if (a.experts !== undefined && sparse > 0) {
    const moe: Moe = {
      kind: 'moe',
      name: 'moe',
      class: 'moe',
      repeat: sparse,
      experts: a.experts.experts,
      localExperts: share.localExperts,
      topK: a.experts.expertsPerToken,
      hiddenSize: a.hiddenSize,
      intermediateSize: share.expertIntermediateSize,
      ...elementsOf(a, true),
    }
    operators.push(moe)
  }
  return operators
}

/**
 * Collectives of the tensor-parallel group: each layer sums the partial results of attention and of MLP or experts, and once per
 * step the embedding is summed (a token's row is on one rank) and the logits are gathered. Behind the first stage its ranks, each of which
 * was handed its part, gather hidden state and residual.
 * Source: vLLM's `RowParallelLinear`, `VocabParallelEmbedding`, `LogitsProcessor` and `send_tensor_dict` with an all-gather group.
 */
export function collectivesOf(a: Architecture, share: Share, stage: Stage): CollectiveCall[] {
  const { tensor, expertRanks } = share
  const { layers, sparse } = stage
  const shared = expertRanks > tensor && sparse > 0 ? exchangeOfExperts(a, share, sparse) : []
  if (tensor === 1) return shared
  const allReduce = (name: string, repeat: number): CollectiveCall => ({
    name,
    collective: 'all-reduce',
    ranks: tensor,
    rows: 'tokens',
    bytesPerRow: a.hiddenSize * a.bytesPerElement,
    repeat,
  })
  return [
    {
      name: 'handover_all_gather',
      collective: 'all-gather' as const,
      ranks: tensor,
      rows: 'tokens' as const,
      bytesPerRow: (a.hiddenSize * a.bytesPerElement) / tensor,
      repeat: stage.first ? 0 : 2,
    },
    allReduce('embedding_all_reduce', stage.first ? 1 : 0),
    allReduce('o_proj_all_reduce', layers),
    allReduce('down_proj_all_reduce', layers - sparse),
    allReduce('moe_all_reduce', shared.length > 0 ? 0 : sparse),
    ...shared,
    {
      name: 'logits_all_gather',
      collective: 'all-gather' as const,
      ranks: tensor,
      rows: 'sequences' as const,
      bytesPerRow: share.vocabularyRows * a.bytesPerElement,
      repeat: stage.last ? 1 : 0,
    },
  ].filter((call) => call.repeat > 0)
}

/**
 * Where several replicas share the experts, each layer of experts gathers all replicas' tokens with their router logits and scatters the
 * sums back. Ranks of one replica take an equal part of its tokens each, and gather them again afterwards.
 * Source: vLLM's all-gather/reduce-scatter backend of expert parallelism, and its `use_sequence_parallel_moe`.
 */
function exchangeOfExperts(a: Architecture, { tensor, expertRanks }: Share, layers: number): CollectiveCall[] {
  const { experts } = a.experts!
  const bytes = a.bytesPerElement / tensor
  const shared = { ranks: expertRanks, rows: 'peerTokens' as const, repeat: layers }
  const exchange: CollectiveCall[] = [
    { ...shared, name: 'dispatch_all_gather', collective: 'all-gather', bytesPerRow: (a.hiddenSize + experts) * bytes },
    { ...shared, name: 'combine_reduce_scatter', collective: 'reduce-scatter', bytesPerRow: a.hiddenSize * bytes },
  ]
  if (tensor === 1) return exchange
  return [
    ...exchange,
    { name: 'moe_all_gather', collective: 'all-gather', ranks: tensor, rows: 'tokens', bytesPerRow: a.hiddenSize * bytes, repeat: layers },
  ]
}

/**
 * Bytes that a rank hands over to the next stage for each token: its part of the hidden state and of the residual, which the next norm adds
 * (vLLM's `IntermediateTensors`, of which `send_tensor_dict` sends each tensor-parallel rank a part).
 */
export function handoverBytesPerToken(a: Architecture, { tensor }: Share, { last }: Stage): number {
  return last ? 0 : (2 * a.hiddenSize * a.bytesPerElement) / tensor
}

function gemm(name: string, operatorClass: OperatorClass, rows: Rows, n: number, k: number, a: Architecture, repeat: number): Gemm {
  return { kind: 'gemm', name, class: operatorClass, rows, n, k, ...elementsOf(a, false), repeat }
}

/** Stays in 16 bits where everything else is quantised. */
function outputProjection(a: Architecture, n: number): Gemm {
  return gemm('lm_head', 'logits-sampling', 'sequences', n, a.hiddenSize, { ...a, quantisation: undefined }, 1)
}

function elementsOf({ bytesPerElement, quantisation }: Architecture, ofExperts: boolean) {
  if (quantisation === undefined || (quantisation.expertsOnly && !ofExperts))
    return { weightBytesPerElement: bytesPerElement, activationBytesPerElement: bytesPerElement }
  const { precision, weightBytesPerElement, activationBytesPerElement } = quantisation
  return { weightBytesPerElement, activationBytesPerElement, precision }
}

function elementwise(name: string, operatorClass: OperatorClass, rows: Rows, bytesPerRow: number, repeat: number): Elementwise {
  return { kind: 'elementwise', name, class: operatorClass, rows, bytesPerRow, repeat }
}
