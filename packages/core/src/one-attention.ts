import { ServesimError } from './errors.js'
import type { Attention, OperatorGraph } from './operators.js'

/**
 * The attention of a model whose layers are alike, for devices that price it by its shape: core asks for one layer and multiplies.
 * @throws ServesimError SERVESIM_CAPABILITY_MISMATCH where there is none, or several differ
 */
export function oneAttention({ operators }: OperatorGraph, path: string): Attention {
  const all = operators.filter((operator) => operator.kind === 'attention')
  const [first] = all
  const alike = (a: Attention) => a.heads === first?.heads && a.kvHeads === first.kvHeads && a.headDim === first.headDim
  if (first !== undefined && all.every(alike)) return first
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    `The model has ${all.length === 0 ? 'no attention' : 'layers of attention with different shapes'}; expected one shape for all layers.`,
    'Use a measured bundle with `--profile`, or a model whose layers are alike.',
  )
}
