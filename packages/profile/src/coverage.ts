import type { Operator, OperatorGraph } from '@servesim/core'
import type { Bundle, ShardTables } from './bundle.js'

/** How far simulations of a model may ask a table. */
export interface CoverageLimits {
  maxBatchedTokens: number
  maxSequences: number
  maxContext: number
}

/** One operator of a model, and what a bundle knows about it. */
export interface OperatorCoverage {
  operator: string
  /** As the file below the bundle's folder, such as `tp1/tokens.csv`. */
  table: string
  /** `missing` of an elementwise operator costs nothing in a simulation, of any other it refuses. */
  state: 'covered' | 'reaches too short' | 'missing'
  /** Largest value that was measured and that may be asked, by axis. */
  axes: { name: string; measured: number; asked: number }[]
}

/**
 * Which operators of a model no table covers, and how far each axis reaches, beyond which it is extrapolated.
 * @param graph of the model at this degree
 */
export function coverageOf(bundle: Bundle, graph: OperatorGraph, tensorParallel: number, limits: CoverageLimits): OperatorCoverage[] {
  const shard = bundle.shards.find((one) => one.tensorParallel === tensorParallel)
  const folder = `tp${tensorParallel}`
  const operators = graph.operators.map((operator) => operatorCoverage(bundle, shard, operator, folder, limits))
  const collectives = new Map(graph.collectives.map((call) => [`${call.collective} (${call.ranks} ranks)`, call]))
  return [
    ...operators,
    ...[...collectives].map(([name, { collective, ranks }]): OperatorCoverage => {
      const calls = graph.collectives.filter((call) => call.collective === collective && call.ranks === ranks)
      const most = (rows: string) => (rows === 'sequences' ? limits.maxSequences : limits.maxBatchedTokens)
      const asked = Math.max(...calls.map((call) => call.bytesPerRow * most(call.rows)))
      const found = bundle.collectives.find((one) => one.collective === collective && one.ranks === ranks)
      return coverage(name, 'collectives.csv', [{ name: 'bytes', values: found?.bytes, asked }])
    }),
  ]
}

function operatorCoverage(
  bundle: Bundle,
  shard: ShardTables | undefined,
  operator: Operator,
  folder: string,
  { maxBatchedTokens, maxSequences, maxContext }: CoverageLimits,
): OperatorCoverage {
  const { name } = operator
  if (operator.kind === 'attention') {
    const samples = shard?.attention
    const chunk = Math.min(maxBatchedTokens, maxContext)
    return coverage(name, `${folder}/attention.csv`, [
      { name: 'newTokens', values: samples?.newTokens, asked: chunk },
      { name: 'context', values: samples?.context, asked: maxContext - 1 },
      { name: 'decodes', values: samples?.decodes, asked: maxSequences },
      { name: 'decodeContext', values: samples?.decodeContext, asked: maxContext - 1 },
    ])
  }
  if (operator.kind === 'moe')
    return coverage(name, 'moe.csv', [
      { name: 'tokens', values: bundle.moe?.tokens, asked: maxBatchedTokens },
      { name: 'activatedExperts', values: bundle.moe?.activatedExperts, asked: operator.localExperts },
    ])
  const rows = shard?.[operator.rows].find((samples) => samples.operator === name)?.rows
  const asked = operator.rows === 'tokens' ? maxBatchedTokens : maxSequences
  return coverage(name, `${folder}/${operator.rows}.csv`, [{ name: operator.rows, values: rows, asked }])
}

function coverage(
  operator: string,
  table: string,
  axes: readonly { name: string; values: Float64Array | undefined; asked: number }[],
): OperatorCoverage {
  const reach = axes.map(({ name, values, asked }) => ({ name, measured: largest(values), asked }))
  const isMissing = reach.some(({ measured }) => measured === 0)
  const isShort = reach.some(({ measured, asked }) => measured < asked)
  return { operator, table, state: isMissing ? 'missing' : isShort ? 'reaches too short' : 'covered', axes: reach }
}

function largest(values: Float64Array | undefined): number {
  return values?.reduce((a, b) => Math.max(a, b), 0) ?? 0
}
