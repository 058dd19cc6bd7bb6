import type { AttentionSamples } from '../bundle.js'
import { meanBy } from './samples.js'

/** One measured shape of attention: a chunk behind its context, or decodes of one context. */
export type AttentionRow = { us: number } & ({ newTokens: number; context: number } | { decodes: number; decodeContext: number })

/** Rows of tables that hold chunks and decodes apart; shapes that occur several times count once, by their mean. */
export function attentionRows(rows: readonly AttentionRow[]): AttentionSamples {
  const shapeOf = (row: AttentionRow) =>
    'decodes' in row ? `0 0 ${row.decodes} ${row.decodeContext}` : `${row.newTokens} ${row.context} 0 0`
  const means = meanBy(rows.map((row) => [shapeOf(row), row.us] as const))
  const shapes = [...means.keys()].map((shape) => shape.split(' ').map(Number) as [number, number, number, number])
  const column = (axis: 0 | 1 | 2 | 3) => Float64Array.from(shapes, (shape) => shape[axis])
  return {
    newTokens: column(0),
    context: column(1),
    decodes: column(2),
    decodeContext: column(3),
    latencyUs: Float64Array.from(means.values()),
  }
}
