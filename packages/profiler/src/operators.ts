import type { Attention, Gemm, Model, Operator, OperatorGraph } from '@servesim/core'
import type { ProbeOperator, Shape } from './protocol.js'

/** An operator of a rank as a probe is asked for it. @param tensorParallel degree that the graph was sharded by */
export function probeOperator(operator: Operator, graph: OperatorGraph, model: Model, tensorParallel: number): ProbeOperator {
  const common = { name: operator.name, copies: operator.repeat }
  switch (operator.kind) {
    case 'gemm':
      return { ...common, kind: 'gemm', n: operator.n, k: operator.k }
    case 'attention':
      return { ...common, kind: 'attention', heads: operator.heads, kvHeads: operator.kvHeads, headDim: operator.headDim }
    case 'moe': {
      const { experts, topK, hiddenSize, intermediateSize } = operator
      return { ...common, kind: 'moe', experts, topK, hiddenSize, intermediateSize }
    }
    case 'elementwise':
      return elementwise({ ...common, bytesPerRow: operator.bytesPerRow }, graph, model, tensorParallel)
  }
}

interface Moved {
  name: string
  copies: number
  bytesPerRow: number
}

/** By the name that vLLM gives the module; a name that is not known is so many bytes read and written. */
function elementwise(moved: Moved, { operators }: OperatorGraph, model: Model, tensorParallel: number): ProbeOperator {
  const { name } = moved
  const attention = operators.find((operator): operator is Attention => operator.kind === 'attention')
  const gemm = (wanted: string) => operators.find((operator): operator is Gemm => operator.kind === 'gemm' && operator.name === wanted)
  const logits = gemm('lm_head')
  const down = gemm('down_proj')
  if (name === 'embedding' && logits !== undefined) return { ...moved, kind: 'embedding', vocabulary: logits.n, width: model.hiddenSize }
  if (name === 'layernorm' || name === 'final_layernorm') return { ...moved, kind: 'norm', width: model.hiddenSize }
  if (name === 'qk_norm' && attention !== undefined)
    return { ...moved, kind: 'head-norm', heads: attention.heads + attention.kvHeads, headDim: attention.headDim }
  if (name === 'rotary_emb' && attention !== undefined)
    return { ...moved, kind: 'rotary', heads: attention.heads, kvHeads: attention.kvHeads, headDim: attention.headDim }
  if (name === 'act_fn' && down !== undefined) return { ...moved, kind: 'gated-activation', width: down.k }
  if (name === 'sampler' && logits !== undefined) return { ...moved, kind: 'sampler', vocabulary: logits.n * tensorParallel }
  return { ...moved, kind: 'elementwise' }
}

/** Arithmetic of one call, and bytes that it cannot avoid to move. */
export function workOf(operator: ProbeOperator, shape: Shape, bytesPerElement: number): { flop: number; bytes: number } {
  const rows = shape.rows ?? 0
  switch (operator.kind) {
    case 'gemm': {
      const { n, k } = operator
      return { flop: 2 * rows * n * k, bytes: (n * k + rows * (n + k)) * bytesPerElement }
    }
    case 'attention': {
      const { newTokens = 0, context = 0, decodes = 0, decodeContext = 0 } = shape
      const pairs = newTokens * (context + newTokens / 2) + decodes * decodeContext
      const keys = (newTokens > 0 ? context + newTokens : 0) + decodes * decodeContext
      return {
        flop: 4 * operator.heads * operator.headDim * pairs,
        bytes: 2 * operator.kvHeads * operator.headDim * keys * bytesPerElement,
      }
    }
    case 'moe': {
      const weights = 3 * operator.hiddenSize * operator.intermediateSize
      return { flop: 2 * rows * operator.topK * weights, bytes: (shape.activatedExperts ?? 0) * weights * bytesPerElement }
    }
    case 'collective':
      return { flop: 0, bytes: shape.bytes ?? 0 }
    default:
      return { flop: 0, bytes: rows * operator.bytesPerRow }
  }
}
