import type { Model, Moe, OperatorGraph } from '@servesim/core'
import { probeOperator } from './operators.js'
import { type Point, pointOf, type Series } from './point.js'
import type { ProbeOperator, Shape } from './protocol.js'

/** How far the tables reach. */
export interface ProfileLimits {
  /** Scheduled tokens of a step. */
  maxBatchedTokens: number
  /** Sequences of a step. */
  maxSequences: number
  /** Tokens of one sequence, prompt and output. */
  maxContext: number
}

const attentionAxes = ['newTokens', 'context', 'decodes', 'decodeContext'] as const
/** Shortest chunk and context that are measured: a tile of query rows, a KV block. */
const smallestChunk = 8
const shortestContext = 16

/** The points that are measured in any case, table by table, coarse; what lies between is refined by error. */
export function planOf(model: Model, tensorParallel: readonly number[], limits: ProfileLimits, ranks: number): Point[] {
  const points = tensorParallel.flatMap((tensor) => {
    const graph = model.shard({ tensor, pipeline: 1, expert: 1 }, {})
    return [...operatorPoints(graph, model, tensor, limits), ...collectivePoints(graph, tensor, limits, ranks)]
  })
  // Experts are measured whole, whatever the degree.
  const whole = model.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
  const moe = whole.operators.find((operator): operator is Moe => operator.kind === 'moe')
  return moe === undefined ? points : [...points, ...moePoints(model, probeOperator(moe, whole, model, 1), moe, limits)]
}

function operatorPoints(graph: OperatorGraph, model: Model, tensorParallel: number, limits: ProfileLimits): Point[] {
  const common = { tensorParallel, stepWeights: graph.weightBytes / model.weightBytesPerElement }
  return graph.operators.flatMap((operator) => {
    if (operator.kind === 'moe') return []
    const probed = probeOperator(operator, graph, model, tensorParallel)
    if (operator.kind === 'attention')
      return attentionPoints({ ...common, table: 'attention', operator: probed, axes: attentionAxes }, limits)
    const series: Series = { ...common, table: operator.rows, operator: probed, axes: ['rows'] }
    const most = operator.rows === 'tokens' ? limits.maxBatchedTokens : limits.maxSequences
    return halfOctaves(most).map((rows) => pointOf(series, { rows }))
  })
}

function attentionPoints(series: Series, limits: ProfileLimits): Point[] {
  const shapes: Shape[] = []
  const add = (newTokens: number, context: number, decodes: number, decodeContext: number) =>
    shapes.push({ newTokens, context, decodes, decodeContext })
  const { maxContext, maxSequences } = limits
  const largestChunk = Math.min(limits.maxBatchedTokens, maxContext)
  const contexts = powers(shortestContext, maxContext, 4)
  const counts = powers(1, maxSequences, 2)
  for (const decodes of counts) for (const context of contexts) add(0, 0, decodes, context)
  const chunks = powers(Math.min(smallestChunk, largestChunk), largestChunk, 2)
  for (const chunk of chunks) for (const context of [0, ...powers(4 * shortestContext, maxContext, 4)]) add(chunk, context, 0, 0)
  // Beside each other the two kernels may overlap or compete: coarse, since most of it follows from each alone.
  for (const chunk of sample(chunks, 3))
    for (const context of [0, maxContext])
      for (const decodes of sample(counts, 4)) for (const decodeContext of sample(contexts, 3)) add(chunk, context, decodes, decodeContext)
  return [...shapes.map((shape) => pointOf(series, shape)), ...skewPoints(series, counts, contexts, maxContext)]
}

/** One sequence holds most of the batch's context: is that slower than an equal batch with the same sum? */
function skewPoints(equal: Series, counts: readonly number[], contexts: readonly number[], maxContext: number): Point[] {
  const series: Series = { ...equal, table: 'skew', axes: ['decodes', 'decodeContext', 'longestContext'] }
  return sample(
    counts.filter((count) => count >= 4),
    3,
  ).flatMap((decodes) =>
    sample(
      contexts.filter((context) => context >= 64 && 2 * context <= maxContext),
      2,
    ).map((decodeContext) => {
      const longestContext = Math.min(maxContext, Math.floor((decodes * decodeContext) / 2))
      return pointOf(series, { newTokens: 0, context: 0, decodes, decodeContext, longestContext })
    }),
  )
}

function moePoints({ parameters }: Model, operator: ProbeOperator, { experts, topK }: Moe, { maxBatchedTokens }: ProfileLimits): Point[] {
  const axes = ['rows', 'activatedExperts']
  const series: Series = { table: 'moe', tensorParallel: 1, operator, axes, stepWeights: parameters }
  return powers(1, maxBatchedTokens, 2).flatMap((rows) =>
    powers(topK, experts, 2)
      .filter((activatedExperts) => activatedExperts <= rows * topK)
      .map((activatedExperts) => pointOf(series, { rows, activatedExperts })),
  )
}

function collectivePoints(graph: OperatorGraph, tensorParallel: number, limits: ProfileLimits, ranks: number): Point[] {
  if (tensorParallel === 1 || ranks < tensorParallel) return []
  const kinds = [...new Set(graph.collectives.map((call) => call.collective))]
  return kinds.flatMap((collective) => {
    const calls = graph.collectives.filter((call) => call.collective === collective)
    const most = (rows: string) => (rows === 'sequences' ? limits.maxSequences : limits.maxBatchedTokens)
    const fewest = Math.min(...calls.map((call) => call.bytesPerRow))
    const largest = Math.max(...calls.map((call) => call.bytesPerRow * most(call.rows)))
    const operator: ProbeOperator = { kind: 'collective', name: collective, collective, ranks: tensorParallel, copies: 1 }
    const series: Series = { table: 'collectives', tensorParallel, operator, axes: ['bytes'], stepWeights: 0 }
    return powers(fewest, largest, 2).map((bytes) => pointOf(series, { bytes }))
  })
}

/** `from`, `from`·factor … and `to` itself. */
function powers(from: number, to: number, factor: number): number[] {
  const values: number[] = []
  for (let value = from; value < to; value *= factor) values.push(value)
  return [...values, to]
}

/** 1, 2, 3, 4, 6, 8, 12 … and `most` itself. */
function halfOctaves(most: number): number[] {
  const values = powers(1, most, 2)
  return [...new Set(values.flatMap((value) => (value % 2 === 0 && 1.5 * value < most ? [value, 1.5 * value] : [value])))]
}

/** Up to `count` of the values, first and last among them. */
function sample(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values]
  return Array.from({ length: count }, (_, i) => values[Math.round((i * (values.length - 1)) / (count - 1))]!)
}
