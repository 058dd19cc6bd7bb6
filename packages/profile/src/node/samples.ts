import type { OperatorSamples } from '../bundle.js'

/** One latency at one number of rows; µs. */
export interface Sample {
  rows: number
  us: number
}

/** Samples in any order as a table: ascending, and the mean where a number of rows occurs several times. */
export function samplesOf(operator: string, samples: readonly Sample[]): OperatorSamples {
  const byRows = meanBy(samples.map(({ rows, us }) => [rows, us] as const))
  const rows = [...byRows.keys()].sort((a, b) => a - b)
  return { operator, rows: Float64Array.from(rows), latencyUs: Float64Array.from(rows, (count) => byRows.get(count)!) }
}

/** Mean of the values of each key, in order of first occurrence. */
export function meanBy<Key>(pairs: readonly (readonly [Key, number])[]): Map<Key, number> {
  const sums = new Map<Key, { sum: number; count: number }>()
  for (const [key, value] of pairs) {
    const known = sums.get(key)
    if (known === undefined) sums.set(key, { sum: value, count: 1 })
    else {
      known.sum += value
      known.count++
    }
  }
  return new Map([...sums].map(([key, { sum, count }]) => [key, sum / count]))
}

/** Every latency of `samples`, times `factor`: another width of the same product. */
export function scaledSamples(operator: string, { rows, latencyUs }: OperatorSamples, factor: number): OperatorSamples {
  return { operator, rows, latencyUs: latencyUs.map((us) => us * factor) }
}

/**
 * Operators that run one after the other, as one: at the rows of the longest table of them, each between its own.
 * @param parts not empty
 */
export function sumOf(operator: string, parts: readonly OperatorSamples[]): OperatorSamples {
  const longest = parts.reduce((a, b) => (b.rows.length > a.rows.length ? b : a))
  return {
    operator,
    rows: longest.rows,
    latencyUs: longest.rows.map((rows) => parts.reduce((sum, part) => sum + at(part, rows), 0)),
  }
}

/** Linear between samples; the end values beyond. */
function at({ rows, latencyUs }: OperatorSamples, value: number): number {
  const upper = rows.findIndex((row) => row >= value)
  if (upper < 0) return latencyUs.at(-1)!
  if (upper === 0 || rows[upper] === value) return latencyUs[upper]!
  const weight = (value - rows[upper - 1]!) / (rows[upper]! - rows[upper - 1]!)
  return latencyUs[upper - 1]! + weight * (latencyUs[upper]! - latencyUs[upper - 1]!)
}
