import { definePlugin, type Provider, type Workload, type WorkloadContext, workload } from '@servesim/core'
import { z } from 'zod'
import { closedLoop } from './generators/closed-loop.js'
import { fixedRate, poisson } from './generators/open-loop.js'
import { traceReaders } from './read-trace.js'
import type { Trace } from './trace.js'
import { traceReader } from './trace-reader.js'
import { traceWorkload } from './trace-workload.js'

const traceOptions = z.strictObject({
  trace: z.custom<Trace>(isTrace, 'expected what readTraceFile, readTrace or parseTrace returns').describe('Recorded requests'),
  rateScale: z.number().min(1e-6).max(1e6).default(1).describe('Arrivals come this many times as fast'),
  limit: z.int().min(1).optional().describe('Only the first so many arrivals; a session counts as one'),
})

/** Recorded requests at their recorded times. */
export const trace: Provider<Workload, WorkloadContext, typeof traceOptions> = {
  name: 'trace',
  description: 'Recorded requests at their recorded times.',
  options: traceOptions,
  build: ({ trace, ...options }) => traceWorkload(trace, options),
}

function isTrace(value: unknown): boolean {
  const columns = value as Partial<Trace> | null | undefined
  return columns?.arrivalNs instanceof Float64Array && columns.promptTokens instanceof Int32Array && columns.prefixIds instanceof Int32Array
}

/** Generators, trace replay and the trace formats of this package. */
export const workloads = definePlugin('workload', (host) => {
  host.provide(workload, poisson)
  host.provide(workload, fixedRate)
  host.provide(workload, closedLoop)
  host.provide(workload, trace)
  for (const reader of traceReaders) host.provide(traceReader, reader)
})
