import type { CollectiveCall, Model, Operator, OperatorGraph } from '@servesim/core'
import type { Method } from './methods.js'

/**
 * A head that drafts: one layer like those of a graph, behind a projection of several hidden states to one, and before the logits.
 * Operators keep their names and shapes, so that measured tables price them too; what is wider is called as often as it is wide.
 * @param graph one rank's share of all layers
 * @param draftVocabularySize rows of the head's own logits; absent: it shares those of the target
 */
export function headGraph(graph: OperatorGraph, model: Model, method: Method, draftVocabularySize: number | undefined): OperatorGraph {
  const { layers } = graph
  const vocabularyShare = Math.min(1, (draftVocabularySize ?? model.vocabularySize) / model.vocabularySize)
  const operators = graph.operators.flatMap((operator): Operator[] => {
    const repeat = headRepeat(operator, layers)
    if (repeat === 0) return []
    if (operator.class === 'logits-sampling') return [{ ...operator, repeat: repeat * vocabularyShare }]
    return [{ ...operator, repeat: takesWidths(operator) ? repeat * method.layerWidths : repeat }]
  })
  if (method.fusedWidths > 0) operators.unshift(fusion(operators, model.hiddenSize, method.fusedWidths))
  const ownLogits = draftVocabularySize !== undefined
  return {
    ...graph,
    operators,
    collectives: graph.collectives.flatMap((call): CollectiveCall[] => {
      const repeat = headRepeat(call, layers)
      return repeat === 0 ? [] : [{ ...call, repeat }]
    }),
    layers: 1,
    weightBytes: operators.reduce((sum, operator) => sum + weightBytes(operator, ownLogits), 0),
    kvBytesPerToken: graph.kvBytesPerToken / layers,
  }
}

/** How often the head calls what a model of so many layers calls `repeat` times. Layers of a kind that few are of are none of the head's. */
function headRepeat(called: { repeat: number; class?: string; name: string }, layers: number): number {
  return called.repeat === 1 && !isLayerWork(called.class) ? 1 : Math.round(called.repeat / layers)
}

function isLayerWork(operatorClass: string | undefined): boolean {
  return operatorClass === 'linear' || operatorClass === 'moe' || operatorClass === 'attention'
}

/** Query, key and value come first in a layer. */
function takesWidths({ name }: Operator): boolean {
  return name === 'qkv_proj'
}

/** Every rank projects whole hidden states: as many calls of the output projection as make up the width. */
function fusion(operators: readonly Operator[], hiddenSize: number, widths: number): Operator {
  const linear = operators.filter((operator) => operator.kind === 'gemm' && operator.class === 'linear' && operator.rows === 'tokens')
  const alike = linear.find(({ name }) => name === 'o_proj') ?? linear[0]
  if (alike?.kind !== 'gemm') throw new Error('A head needs a matrix product in its layer.')
  return { ...alike, repeat: (widths * hiddenSize * hiddenSize) / (alike.n * alike.k) }
}

function weightBytes(operator: Operator, ownLogits: boolean): number {
  if (operator.kind === 'moe') {
    return operator.repeat * operator.localExperts * 3 * operator.hiddenSize * operator.intermediateSize * operator.weightBytesPerElement
  }
  if (operator.kind !== 'gemm' || (operator.class === 'logits-sampling' && !ownLogits)) return 0
  return operator.repeat * operator.n * operator.k * operator.weightBytesPerElement
}
