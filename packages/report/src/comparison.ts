import { type MetricName, metricNames, quantile, type StatName, statNames } from '@servesim/core'
import { number, signedPercent } from './numbers.js'
import { type Column, table } from './table.js'

/** A figure of a real run beside the simulated one, ms. */
export interface Comparison {
  metric: MetricName
  stat: StatName
  measured: number
  simulated: number
  /** (simulated − measured) ÷ measured, percent. */
  errorPct: number
}

export interface Figure {
  metric: MetricName
  stat: StatName
  value: number
}

const titles: Record<MetricName, string> = { ttft: 'TTFT', tpot: 'TPOT', itl: 'ITL', latency: 'Latency' }
const quantiles: Record<Exclude<StatName, 'mean'>, number> = { median: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 }

/** Mean, median, P90, P95 and P99 of one metric. @param samples at least one, any order */
export function figuresOf(metric: MetricName, samples: ArrayLike<number>): Figure[] {
  const sorted = Float64Array.from(samples).sort()
  const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length
  return statNames.map((stat) => ({ metric, stat, value: stat === 'mean' ? mean : quantile(sorted, quantiles[stat]) }))
}

/** Figures that both sides have, in the order of the measured ones. */
export function compare(measured: readonly Figure[], simulated: readonly Figure[]): Comparison[] {
  const known = new Map(simulated.map((figure) => [`${figure.metric} ${figure.stat}`, figure.value]))
  return measured.flatMap(({ metric, stat, value }) => {
    const other = known.get(`${metric} ${stat}`)
    return other === undefined ? [] : [{ metric, stat, measured: value, simulated: other, errorPct: ((other - value) / value) * 100 }]
  })
}

/** Mean and largest absolute error, percent. */
export function errorSummary(comparisons: readonly Comparison[]): { meanAbsErrorPct: number; maxAbsErrorPct: number } {
  const errors = comparisons.map((c) => Math.abs(c.errorPct))
  return { meanAbsErrorPct: errors.reduce((a, b) => a + b, 0) / errors.length, maxAbsErrorPct: Math.max(...errors) }
}

/** Lines with a row per figure. */
export function comparisonTable(comparisons: readonly Comparison[]): string[] {
  const right = (title: string): Column => ({ title, align: 'right' })
  const columns: Column[] = [
    { title: 'Metric', align: 'left' },
    { title: 'Stat', align: 'left' },
    right('measured ms'),
    right('simulated ms'),
    right('error'),
  ]
  const rows = metricNames.flatMap((metric) =>
    comparisons
      .filter((c) => c.metric === metric)
      .map((c, i) => [i === 0 ? titles[metric] : '', c.stat, number(c.measured), number(c.simulated), signedPercent(c.errorPct)]),
  )
  return table(columns, rows)
}
