import { ServesimError } from '@servesim/core'
import { type Point, pointOf } from './point.js'
import type { ProbeHello, ProbeOperator } from './protocol.js'

/** Kinds that move bytes and compute little: a probe that knows only `elementwise` measures them as so many bytes. */
const simpleKinds = ['embedding', 'norm', 'head-norm', 'rotary', 'gated-activation', 'sampler']
/** Without these no step has a price. */
const needed = ['gemm', 'attention', 'moe']

/**
 * The points as the probe can measure them; norms and the like that it cannot are left out, and the bundle's reader says so.
 * @throws ServesimError SERVESIM_CAPABILITY_MISMATCH
 */
export function supported(points: readonly Point[], hello: ProbeHello, probeName: string): Point[] {
  const kinds = new Set(hello.operators)
  const missing = needed.find((kind) => !kinds.has(kind) && points.some(({ series }) => series.operator.kind === kind))
  if (missing !== undefined)
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      '--probe',
      `The model needs "${missing}", which the probe "${probeName}" does not measure; it offers ${hello.operators.join(', ')}.`,
      'Teach the probe this operator, or choose another model.',
    )
  return points.flatMap((point) => {
    const { operator } = point.series
    if (kinds.has(operator.kind)) return [point]
    if (!simpleKinds.includes(operator.kind) || !kinds.has('elementwise')) return []
    const { name, copies, bytesPerRow } = operator as Extract<ProbeOperator, { bytesPerRow: number }>
    return [pointOf({ ...point.series, operator: { kind: 'elementwise', name, copies, bytesPerRow } }, point.shape)]
  })
}
