/** @param values at least one, any order */
export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  )
}

/** Linear between ranks. @param sorted ascending, at least one */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low]! + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)]! - sorted[low]!)
}

/** What repeated timings of one thing say. */
export interface TimingSummary {
  medianUs: number
  /** Interquartile range ÷ median, percent. */
  spreadPct: number
  /** Half width of the median's 95 % interval ÷ median, percent: 1.57·IQR/√n (McGill, Tukey and Larsen 1978). */
  noisePct: number
  /** Timings further from the median than 5 scaled median deviations (Leys et al. 2013 take 2.5 to 3.5), by at least a tenth of it. */
  outliers: number[]
}

export function summarise(us: readonly number[]): TimingSummary {
  const sorted = us.toSorted((a, b) => a - b)
  const medianUs = quantile(sorted, 0.5)
  const range = quantile(sorted, 0.75) - quantile(sorted, 0.25)
  const deviation = 1.4826 * median(us.map((time) => Math.abs(time - medianUs)))
  const far = Math.max(5 * deviation, 0.1 * medianUs)
  return {
    medianUs,
    spreadPct: (range / medianUs) * 100,
    noisePct: ((1.57 * range) / Math.sqrt(us.length) / medianUs) * 100,
    outliers: us.filter((time) => Math.abs(time - medianUs) > far),
  }
}
