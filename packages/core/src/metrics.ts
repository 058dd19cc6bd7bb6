import type { DurationHistogram } from './histogram.js'
import type { LatencyFrom, RequestColumns, Results } from './results.js'

export const metricNames = ['ttft', 'tpot', 'itl', 'latency'] as const
export type MetricName = (typeof metricNames)[number]

export const statNames = ['mean', 'median', 'p90', 'p95', 'p99'] as const
export type StatName = (typeof statNames)[number]
const statQuantiles: Record<Exclude<StatName, 'mean'>, number> = { median: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 }

/** The field's definitions, to stand beside the numbers. */
export const metricDefinitions: Record<MetricName, string> = {
  ttft: 'time to first token: first token − arrival (or the instant the engine queued the request)',
  tpot: 'time per output token: (last token − first token) ÷ (output tokens − 1); requests with one token left out',
  itl: 'inter-token latency: every single gap between outputs of a request, pooled over all requests; tokens that one step yields are one output',
  latency: 'end to end: last token − arrival (or the instant the engine queued the request)',
}

export interface Metric {
  metric: MetricName
  stat: StatName
  /** Milliseconds; NaN where nothing was measured. */
  value: number
}

/** The twenty figures of a run. */
export function metricsOf(results: Results, from: LatencyFrom): Metric[] {
  const exact = results.sketches === undefined ? exactSamples(results.requests, from) : undefined
  const metrics: Metric[] = []
  for (const metric of metricNames) {
    for (const stat of statNames) {
      const ns =
        metric === 'itl'
          ? ofHistogram(results.itl, stat)
          : exact !== undefined
            ? ofSorted(exact[metric], stat)
            : ofHistogram(results.sketches![metric], stat)
      metrics.push({ metric, stat, value: ns / 1e6 })
    }
  }
  return metrics
}

/** Samples of each per-request metric in ns, ascending. */
function exactSamples(requests: RequestColumns, from: LatencyFrom): Record<Exclude<MetricName, 'itl'>, Float64Array> {
  const start = requests.column(from === 'arrival' ? 'arrivalNs' : 'queuedNs')
  const first = requests.column('firstTokenNs')
  const last = requests.column('lastTokenNs')
  const output = requests.column('outputTokens')
  const n = requests.length
  const ttft = new Float64Array(n)
  const latency = new Float64Array(n)
  const tpot = new Float64Array(n)
  let withTpot = 0
  for (let i = 0; i < n; i++) {
    ttft[i] = first[i]! - start[i]!
    latency[i] = last[i]! - start[i]!
    if (output[i]! > 1) tpot[withTpot++] = (last[i]! - first[i]!) / (output[i]! - 1)
  }
  return { ttft: ttft.sort(), latency: latency.sort(), tpot: tpot.subarray(0, withTpot).sort() }
}

function ofSorted(sorted: Float64Array, stat: StatName): number {
  if (sorted.length === 0) return Number.NaN
  if (stat === 'mean') return sorted.reduce((a, b) => a + b, 0) / sorted.length
  return quantile(sorted, statQuantiles[stat])
}

function ofHistogram(histogram: DurationHistogram, stat: StatName): number {
  return stat === 'mean' ? histogram.meanNs : histogram.quantileNs(statQuantiles[stat])
}

/** Linear interpolation at q·(n − 1), numpy's default. @param sorted ascending, not empty */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const rank = q * (sorted.length - 1)
  const low = sorted[Math.floor(rank)]!
  return low + (sorted[Math.ceil(rank)]! - low) * (rank - Math.floor(rank))
}
