import { expect, it } from 'vitest'
import { type MetricName, metricsOf, quantile, type StatName } from './metrics.js'
import { RequestTable } from './request-table.js'
import { Results } from './results.js'

const ms = 1e6

/** @param rows arrival, queued, first and last token in ms, and output tokens */
function resultsOf(keepRequests: number, rows: [number, number, number, number, number][]): Results {
  const results = new Results(keepRequests, 'arrival')
  const requests = new RequestTable()
  for (const [arrival, queued, first, last, output] of rows) {
    const r = requests.allocate()
    requests.arrivalNs[r] = arrival * ms
    requests.queuedNs[r] = queued * ms
    requests.firstTokenNs[r] = first * ms
    requests.lastTokenNs[r] = last * ms
    requests.outputTokens[r] = output
    results.add(requests, r)
    requests.release(r)
  }
  return results
}

const rows: [number, number, number, number, number][] = [
  [0, 1, 10, 30, 5],
  [5, 6, 10, 10, 1],
  [20, 22, 40, 100, 4],
]

function figureOf(results: Results, metric: MetricName, stat: StatName, from: 'arrival' | 'queued' = 'arrival'): number {
  return metricsOf(results, from).find((m) => m.metric === metric && m.stat === stat)!.value
}

it('interpolates quantiles linearly at q·(n − 1), as numpy does', () => {
  expect([0, 0.25, 0.5, 0.9, 1].map((q) => quantile([10, 20, 40, 80], q))).toEqual([10, 17.5, 30, 68, 80])
})

it('takes TTFT and latency from the arrival, or from the instant the engine took the request in', () => {
  const results = resultsOf(10, rows)
  expect(figureOf(results, 'ttft', 'mean')).toBeCloseTo((10 + 5 + 20) / 3)
  expect(figureOf(results, 'ttft', 'mean', 'queued')).toBeCloseTo((9 + 4 + 18) / 3)
  expect(figureOf(results, 'latency', 'median')).toBe(30)
})

it('leaves requests with one token out of TPOT', () => {
  expect(figureOf(resultsOf(10, rows), 'tpot', 'mean')).toBeCloseTo((20 / 4 + 60 / 3) / 2)
})

it('is within the sketch’s error once rows are no longer kept', () => {
  const many = Array.from({ length: 500 }, (_, i): [number, number, number, number, number] => [
    i,
    i,
    i + 1 + ((i * 37) % 101),
    i + 300 + ((i * 53) % 211),
    20,
  ])
  const [exact, sketched] = [resultsOf(1000, many), resultsOf(100, many)]
  expect(sketched.requests.length).toBe(0)
  for (const { metric, stat, value } of metricsOf(exact, 'arrival')) {
    if (metric !== 'itl') expect(Math.abs(figureOf(sketched, metric, stat) / value - 1), `${metric} ${stat}`).toBeLessThan(1e-3)
  }
})

it('knows nothing of a run without requests', () => {
  expect(metricsOf(new Results(10, 'arrival'), 'arrival').every((m) => Number.isNaN(m.value))).toBe(true)
})
