import type { Metric, Provenance, Refusal, SimulationResult, Unserved } from '@servesim/core'
import { assumptionsOf, type RunFacts } from './run-facts.js'
import { type UncertaintyBands, uncertaintyBands } from './uncertainty.js'

/** The document that `servesim run --json` prints. Times of metrics are milliseconds; a figure nothing was measured for is null. */
export interface RunDocument {
  schemaVersion: 1
  run: RunFacts
  requests: SimulationResult['requests']
  refusals: Refusal[]
  /** Requests that were let in and not served to their end. */
  unserved: Unserved[]
  metrics: (Omit<Metric, 'value'> & { value: number | null })[]
  /** `sketch` where percentiles carry an error of at most 0.05 %. */
  percentiles: 'exact' | 'sketch'
  steps: SimulationResult['steps']
  throughput: SimulationResult['throughput']
  tokens: { prompt: number; output: number; cached: number }
  preemptions: number
  kv: SimulationResult['kv']
  /** What travelled between ranks and hosts, and what the links carried of it. */
  transfers: SimulationResult['transfers']
  /** Totals that techniques counted, by their names. */
  counters: SimulationResult['counters']
  /** Device time in seconds, all replicas together. */
  time: { byClass: SimulationResult['timeByClass']; byResource: SimulationResult['timeByResource']; idle: number }
  /** Shares of device time by what its prediction rests on, 0–1. */
  provenance: Record<Provenance, number>
  /** How far that time may be off, and what it makes of mean TTFT, mean TPOT and throughput. */
  uncertainty: UncertaintyBands
  assumptions: string[]
  /** How long the simulation took, ms; left out of files, so that equal runs write equal bytes. */
  wallMs?: number
}

export function runDocument(result: SimulationResult, run: RunFacts, wallMs?: number): RunDocument {
  return {
    schemaVersion: 1,
    run,
    requests: result.requests,
    refusals: result.refusals,
    unserved: result.unserved,
    metrics: result.metrics.map(({ metric, stat, value }) => ({ metric, stat, value: Number.isFinite(value) ? value : null })),
    percentiles: result.sketched ? 'sketch' : 'exact',
    steps: result.steps,
    throughput: result.throughput,
    tokens: { prompt: result.promptTokens, output: result.outputTokens, cached: result.cachedTokens },
    preemptions: result.preemptions,
    kv: result.kv,
    transfers: result.transfers,
    counters: result.counters,
    time: { byClass: result.timeByClass, byResource: result.timeByResource, idle: result.idleS },
    provenance: shares(result.timeByProvenance),
    uncertainty: uncertaintyBands(result),
    assumptions: assumptionsOf(result, run),
    ...(wallMs === undefined ? {} : { wallMs }),
  }
}

/** Parts of a whole, 0–1; all 0 where there is nothing to share. */
export function shares<Name extends string>(parts: Record<Name, number>): Record<Name, number> {
  const entries = Object.entries(parts) as [Name, number][]
  const total = entries.reduce((sum, [, value]) => sum + value, 0)
  return Object.fromEntries(entries.map(([name, value]) => [name, total > 0 ? value / total : 0])) as Record<Name, number>
}
