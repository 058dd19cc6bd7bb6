import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Trace } from '@servesim/workload'
import type { RecordedRequest } from './recorded-requests.js'

/** Requests of a recording as a workload: same lengths, same arrivals. Order of arrival. */
export function replayedTrace(requests: readonly RecordedRequest[], dataset: Trace | undefined): { trace: Trace; hasIdentity: boolean } {
  const byArrival = requests.toSorted((a, b) => a.arrivalS - b.arrivalS)
  const rows = dataset === undefined ? undefined : datasetRows(requests, byArrival, dataset)
  // The clocks of client and engine differ by a constant and by the way between them. Durations alone are compared, so the first
  // arrival can be the start: it moves every simulated instant alike.
  const originS = byArrival[0]!.arrivalS
  const own = {
    source: dataset?.source ?? 'recording',
    format: 'recording',
    requestCount: byArrival.length,
    arrivalCount: byArrival.length,
    arrivalNs: Float64Array.from(byArrival, (r) => Math.round((r.arrivalS - originS) * 1e9)),
    promptTokens: Int32Array.from(byArrival, (r) => r.promptTokens),
    outputTokens: Int32Array.from(byArrival, (r) => r.outputTokens),
  }
  if (dataset === undefined || rows === undefined) {
    const none = new Int32Array(byArrival.length)
    return {
      trace: { ...own, prefixGroupTokens: 0, prefixIds: new Int32Array(0), prefixStart: none, prefixIdCount: none },
      hasIdentity: false,
    }
  }
  const { prefixGroupTokens, prefixIds, prefixStart, prefixIdCount } = dataset
  const identity = {
    prefixGroupTokens,
    prefixIds,
    prefixStart: rows.map((row) => prefixStart[row]!),
    prefixIdCount: rows.map((row) => prefixIdCount[row]!),
  }
  return { trace: { ...own, ...identity }, hasIdentity: prefixIds.length > 0 }
}

/** Row of the dataset for each request, in order of arrival: by the number in its name or by its place. Lengths must agree. */
function datasetRows(byNumber: readonly RecordedRequest[], byArrival: readonly RecordedRequest[], dataset: Trace): Int32Array | undefined {
  const place = new Map(byNumber.map((request, i) => [request, i]))
  const candidates = [
    Int32Array.from(byArrival, (request) => request.number),
    Int32Array.from(byArrival, (request) => place.get(request)!),
    Int32Array.from(byArrival, (_, i) => i),
  ]
  return candidates.find((rows) =>
    byArrival.every(
      (request, i) => dataset.promptTokens[rows[i]!] === request.promptTokens && dataset.outputTokens[rows[i]!] === request.outputTokens,
    ),
  )
}

/** The dataset of a recording: its path is relative to the root of the data, which is the run's folder or one above it. */
export function findDataset(runFolder: string, datasetPath: string): string | undefined {
  for (let folder = runFolder; ; folder = dirname(folder)) {
    const found = [join(folder, datasetPath), join(folder, 'workloads', basename(datasetPath)), join(folder, basename(datasetPath))].find(
      (path) => existsSync(path),
    )
    if (found !== undefined || dirname(folder) === folder) return found
  }
}
