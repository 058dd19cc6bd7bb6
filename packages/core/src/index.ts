export type { BuiltPool } from './build-pool.js'
export { type Choice, type PoolScenario, parseOptions, parseScenario, type Scenario, type ScenarioInput, scenarioSchema } from './config.js'
export { type Alarm, type Counter, Engine, type Timer, type Transfer, type TransferEnd } from './engine.js'
export { type ErrorCode, errorCodes, isServesimError, nearMatches, ServesimError } from './errors.js'
export { EventQueue, Phase } from './event-queue.js'
export { type FigureName, figureName, figureNames, formatFigure, readFigure, withFigures } from './figures.js'
export { DurationHistogram } from './histogram.js'
export { KvBlocks } from './kv-blocks.js'
export type { MemoryClaim, MemoryPlan } from './memory-plan.js'
export { type Metric, type MetricName, metricDefinitions, metricNames, metricsOf, quantile, type StatName, statNames } from './metrics.js'
export { oneAttention } from './one-attention.js'
export * from './operators.js'
export { type PlacedPool, placeReplicas } from './placement.js'
export { definePlugin, type Plugin, type PluginHost, Registry } from './plugin.js'
export * from './points/index.js'
export { PrefixTree } from './prefix-tree.js'
export { createRandomSource, exp, ln, type RandomDraws, type RandomSource, type RandomStream } from './random.js'
export { type RequestColumn, RequestStatus, RequestTable } from './request-table.js'
export {
  type LatencyFrom,
  type Refusal,
  type RequestColumnName,
  RequestColumns,
  Results,
  requestColumnNames,
  type Unserved,
  type UnservedKind,
} from './results.js'
export { type Advance, type BuildOptions, createSimulation, Simulation, type SimulationInput, type Snapshot } from './simulation.js'
export type { SimulationResult } from './summary.js'
export type { TransferChannel, TransferEnds, Transfers } from './transfers.js'
export type { LeftOutErrors, Uncertainty } from './uncertainty.js'
export { type Resource, resources } from './usage-summary.js'
export { whatIf } from './what-if.js'
