// Errors of a set of coefficients on the rows of a table.

/**
 * @param {number[]} sorted
 * @param {number} q
 */
export function quantile(sorted, q) {
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low)
}

/**
 * @param {(row: any) => number} predictUs
 * @param {import('./tables.mjs').Row[]} rows
 * @param {string} release
 * @returns {import('../src/coefficient-set.js').FitError}
 */
export function fitError(predictUs, rows, release) {
  const errors = rows.map((row) => predictUs(row) / row.us - 1)
  const signed = errors.toSorted((a, b) => a - b)
  const absolute = errors.map(Math.abs).toSorted((a, b) => a - b)
  /** @param {number} share */
  const percent = (share) => Math.round(share * 1000) / 10
  return {
    release,
    rows: rows.length,
    medianPercent: percent(quantile(absolute, 0.5)),
    p90Percent: percent(quantile(absolute, 0.9)),
    biasPercent: percent(quantile(signed, 0.5)),
  }
}
