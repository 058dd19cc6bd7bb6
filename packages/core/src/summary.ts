import type { BuiltPool } from './build-pool.js'
import type { Scenario } from './config.js'
import type { Engine } from './engine.js'
import { type Metric, metricsOf } from './metrics.js'
import { type OperatorClass, operatorClasses } from './operators.js'
import { type Provenance, provenances } from './points/device.js'
import type { LinkUsage } from './points/fabric.js'
import type { Refusal, Results, Unserved } from './results.js'
import type { StepUnit } from './step-unit.js'
import { type PlainReason, plainReasons } from './stretch.js'
import { type Uncertainty, uncertaintyOf } from './uncertainty.js'
import { addUsage, emptyUsage, type Resource, resources } from './usage-summary.js'

/** Everything a report needs; rows are in `Simulation.results`. */
export interface SimulationResult {
  /** Aborted: the client went away; lost: the replica died and nothing took over. */
  requests: { arrived: number; finished: number; refused: number; aborted: number; lost: number }
  refusals: Refusal[]
  /** Requests that were let in and not served to their end, the first thousand. */
  unserved: Unserved[]
  metrics: Metric[]
  /** True where percentiles of TTFT, TPOT and latency come from a sketch (±0.05 %). ITL always does. */
  sketched: boolean
  /**
   * `fastShare`: steps that a stretch took. `plain`: what kept forms from being followed by one, as shares of those: prefill or a batch that
   * just changed, a scheduler that may decide anew, a finish within two steps, no free block, a host slower than the device. `ruledOut`:
   * pools that take no stretches at all, and the techniques for whose sake: they look at every token, or let replicas step together.
   */
  steps: { total: number; fastShare: number; plain: Record<PlainReason, number>; ruledOut: { pool: string; by: string[] }[] }
  throughput: {
    /** First arrival to last token. */
    durationS: number
    requestsPerSecond: number
    promptTokensPerSecond: number
    outputTokensPerSecond: number
  }
  promptTokens: number
  outputTokens: number
  cachedTokens: number
  preemptions: number
  kv: { totalBlocks: number; peakShare: number; meanShare: number }
  /** Device time in seconds, all replicas and pipeline stages together. */
  timeByClass: Record<OperatorClass, number>
  timeByResource: Record<Resource, number>
  timeByProvenance: Record<Provenance, number>
  /** How far device time may be off, by what it rests on. */
  uncertainty: Uncertainty
  /** Time in which replicas, or stages of a pipeline, ran nothing. */
  idleS: number
  /** What travelled between ranks and hosts: how many, at most at once, and what the links carried. */
  transfers: { count: number; bytes: number; peakActive: number; links: LinkUsage[] }
  /** Totals that techniques counted. */
  counters: Record<string, number>
  assumptions: string[]
}

/** What a summary is made of. */
export interface SummaryInput {
  scenario: Scenario
  results: Results
  units: readonly StepUnit[]
  pools: readonly BuiltPool[]
  engine: Engine
  /** Of techniques of the whole cluster. */
  assumptions: readonly string[]
}

export function summarise({ scenario, results, units, pools, engine, assumptions }: SummaryInput): SimulationResult {
  const { transfers } = engine
  const usage = emptyUsage()
  const parts = pools.map((pool) => {
    const ofPool = emptyUsage()
    for (const of of pool.usages) addUsage(ofPool, of.summary(), 1)
    addUsage(usage, ofPool, 1)
    return { provenanceNs: ofPool.provenanceNs, errors: pool.leftOutErrors }
  })
  const steps = units.reduce((sum, u) => sum + u.steps, 0)
  const fast = units.reduce((sum, u) => sum + u.fastSteps, 0)
  const durationNs = Math.max(0, results.lastTokenNs - results.firstArrivalNs)
  const durationS = durationNs / 1e9
  const rate = (count: number) => (durationS > 0 ? count / durationS : 0)
  const totalBlocks = units.reduce((sum, u) => sum + u.kv.total, 0)
  const stages = pools.reduce((sum, p) => sum + p.count * p.stages.length, 0)
  const busyNs = usage.classNs.reduce((a, b) => a + b, 0)
  return {
    requests: { arrived: results.arrived, finished: results.finished, refused: results.refusedCount, ...results.unservedCounts },
    refusals: results.refused,
    unserved: results.unserved,
    metrics: metricsOf(results, scenario.latencyFrom),
    sketched: results.sketches !== undefined,
    steps: {
      total: steps,
      fastShare: steps === 0 ? 0 : fast / steps,
      plain: plainShares(units),
      ruledOut: pools.filter((p) => p.stepwise.length > 0).map((p) => ({ pool: p.name, by: p.stepwise })),
    },
    throughput: {
      durationS,
      requestsPerSecond: rate(results.finished),
      promptTokensPerSecond: rate(results.promptTokens),
      outputTokensPerSecond: rate(results.outputTokens),
    },
    promptTokens: results.promptTokens,
    outputTokens: results.outputTokens,
    cachedTokens: results.cachedTokens,
    preemptions: results.preemptions,
    kv: {
      totalBlocks,
      peakShare: units.reduce((peak, u) => Math.max(peak, u.kvUse.peakBlocks / u.kv.total), 0),
      meanShare: durationNs > 0 ? units.reduce((sum, u) => sum + u.kvUse.blockNs, 0) / (totalBlocks * durationNs) : 0,
    },
    timeByClass: named(operatorClasses, usage.classNs),
    timeByResource: named(resources, usage.resourceNs),
    timeByProvenance: named(provenances, usage.provenanceNs),
    uncertainty: uncertaintyOf(parts),
    idleS: Math.max(0, stages * durationNs - busyNs) / 1e9,
    transfers: { count: transfers.count, bytes: transfers.bytes, peakActive: transfers.peakActive, links: transfers.usage(engine.nowNs) },
    counters: Object.fromEntries([...engine.counters].map(([name, counter]) => [name, counter.value])),
    assumptions: [...new Set([...assumptions, ...pools.flatMap((p) => p.assumptions), ...transfers.assumptions])],
  }
}

function plainShares(units: readonly StepUnit[]): Record<PlainReason, number> {
  const forms = plainReasons.map((_, i) => units.reduce((sum, u) => sum + u.plainForms[i]!, 0))
  const all = forms.reduce((a, b) => a + b, 0)
  return Object.fromEntries(plainReasons.map((reason, i) => [reason, all === 0 ? 0 : forms[i]! / all])) as Record<PlainReason, number>
}

/** ns by position → seconds by name. */
function named<Name extends string>(names: readonly Name[], ns: Float64Array): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, ns[i]! / 1e9])) as Record<Name, number>
}
