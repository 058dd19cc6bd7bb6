// Errors of a set of coefficients on the rows of a table.

/**
 * Between two neighbours linear.
 * @param {Float64Array} sorted
 * @param {number} q
 */
function quantile(sorted, q) {
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  const value = Number(sorted[low])
  return value + (Number(sorted[Math.ceil(at)]) - value) * (at - low)
}

/**
 * @param {(row: any) => number} predictUs
 * @param {import('./tables.mjs').Row[]} rows
 * @param {string} release
 * @returns {import('../src/coefficient-set.js').FitError}
 */
export function fitError(predictUs, rows, release) {
  const signed = Float64Array.from(rows, (row) => predictUs(row) / row.us - 1).sort()
  const absolute = signed.map(Math.abs).sort()
  /** Rounded, and never −0. @param {number} share */
  const percent = (share) => Math.round(share * 1000) / 10 + 0
  return {
    release,
    rows: rows.length,
    medianPercent: percent(quantile(absolute, 0.5)),
    p90Percent: percent(quantile(absolute, 0.9)),
    biasPercent: percent(quantile(signed, 0.5)),
  }
}
