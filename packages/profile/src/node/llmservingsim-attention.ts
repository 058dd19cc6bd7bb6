import type { AttentionSamples } from '../bundle.js'
import type { CsvTable } from '../csv.js'
import { attentionSamples, type TableColumns } from '../tables.js'

export function attentionColumns(columns: TableColumns): string[] {
  return [columns.newTokens, columns.context, columns.decodes, columns.decodeContext, columns.latency]
}

/**
 * Later releases of the profiler may add axes, such as query tokens per decoding sequence. Where the four known ones do not tell the
 * rows apart, those at the smallest value of every other column are taken: one token per decode.
 */
export function readAttention(table: CsvTable, columns: TableColumns): AttentionSamples {
  const axes = [columns.newTokens, columns.context, columns.decodes, columns.decodeContext]
  // Further statistics of a row (`std_us`) are no axis.
  const extra = table.header.filter((name) => !attentionColumns(columns).includes(name) && !/_[unm]s$/.test(name))
  if (extra.length === 0) return attentionSamples(table, columns)
  const known = axes.map((name) => table.numbers(name))
  const shapes = Array.from({ length: table.rows }, (_, row) => known.map((axis) => axis[row]).join(' '))
  const seen = new Set(shapes)
  if (seen.size === table.rows) return attentionSamples(table, columns)
  const decodes = known[2]!
  const others = extra.map((name) => table.text(name).map(Number)).filter((values) => !values.some(Number.isNaN))
  const smallest = others.map((values) => values.reduce((least, v, row) => (decodes[row]! > 0 ? Math.min(least, v) : least), Infinity))
  const keep = shapes.flatMap((shape, row) => {
    // Without decodes such an axis says nothing, and any row of the shape will do.
    const plain = decodes[row] === 0 || others.every((values, i) => values[row] === smallest[i])
    return plain && seen.delete(shape) ? [row] : []
  })
  return attentionSamples(table, columns, keep)
}
