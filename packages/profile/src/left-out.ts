import { AttentionTable } from './attention-table.js'
import type { AttentionSamples, Bundle, MoeSamples, ShardTables } from './bundle.js'
import { Curve } from './curve.js'
import { gemmTileRows } from './manifest.js'
import { MoeTable } from './moe-table.js'
import { isSeparate } from './separate-attention.js'

/** A measured point beside what the rest of its table says of it: how good the interpolation is, at twice its usual spacing. */
export interface LeftOutPoint {
  /** As the file below the bundle's folder, such as `tp1/attention.csv`. */
  table: string
  operator: string
  /** By axis. */
  shape: Record<string, number>
  measuredUs: number
  predictedUs: number
  /** (predicted − measured) ÷ measured, percent. */
  errorPct: number
}

/** One measured value that has others on both sides along some axis: what lies at an edge would be extrapolated, and is passed over. */
interface Candidate {
  index: number
  shape: Record<string, number>
}

/**
 * Leaves out every inner point in turn and reads it back from the others.
 * @param mostPoints of attention in mixed steps and of experts, whose tables take milliseconds to make; of more, as many at even distances
 */
export function leftOutPoints(bundle: Bundle, mostPoints = Number.POSITIVE_INFINITY): LeftOutPoint[] {
  return [
    ...bundle.shards.flatMap((shard) => [...curvePoints(bundle, shard), ...attentionPoints(shard, mostPoints)]),
    ...(bundle.moe === undefined ? [] : moePoints(bundle.moe, mostPoints)),
    ...bundle.collectives.flatMap(({ collective, ranks, bytes, latencyUs }) =>
      leaveOut('collectives.csv', `${collective} (${ranks} ranks)`, 'bytes', bytes, latencyUs, 0),
    ),
  ]
}

function curvePoints(bundle: Bundle, shard: ShardTables): LeftOutPoint[] {
  const tile = gemmTileRows(bundle.manifest)
  return (['tokens', 'sequences'] as const).flatMap((kind) =>
    shard[kind].flatMap(({ operator, rows, latencyUs }) =>
      leaveOut(`tp${shard.tensorParallel}/${kind}.csv`, operator, kind, rows, latencyUs, isGemm(operator) ? tile : 0),
    ),
  )
}

/** vLLM's names of matrix products; a table says no more about an operator than its name. */
function isGemm(operator: string): boolean {
  return operator.endsWith('_proj') || operator === 'lm_head'
}

function leaveOut(table: string, operator: string, axis: string, x: Float64Array, us: Float64Array, tile: number): LeftOutPoint[] {
  const points: LeftOutPoint[] = []
  for (let i = 1; i < x.length - 1; i++) {
    // Rows are counted, so between neighbours nothing is ever interpolated.
    if (x[i + 1]! - x[i - 1]! === 2) continue
    const rest = new Curve(without(x, i), without(us, i).map(toNs), tile)
    points.push(point(table, operator, { [axis]: x[i]! }, us[i]!, rest.at(x[i]!).ns))
  }
  return points
}

const attentionAxes = ['newTokens', 'context', 'decodes', 'decodeContext'] as const

function attentionPoints({ tensorParallel, attention: all }: ShardTables, mostPoints: number): LeftOutPoint[] {
  const table = `tp${tensorParallel}/attention.csv`
  // Tables of prefill and decodes apart are composed from, not interpolated in.
  if (isSeparate(all)) return []
  const rows = indices(all.latencyUs.length)
  const decodesOnly = rows.filter((i) => all.newTokens[i] === 0)
  const chunksOnly = rows.filter((i) => all.newTokens[i]! > 0 && all.decodes[i] === 0)
  // What a point cannot depend on is left out of its table: a table is made for each.
  const groups = [
    { members: decodesOnly, beside: chunksOnly.slice(0, 1), most: 10 * mostPoints },
    { members: chunksOnly, beside: decodesOnly.slice(0, 1), most: 10 * mostPoints },
    {
      members: rows.filter((i) => all.newTokens[i]! > 0 && all.decodes[i]! > 0),
      beside: [...decodesOnly, ...chunksOnly],
      most: mostPoints,
    },
  ]
  return groups.flatMap(({ members, beside, most }) => {
    const inner = innerPoints(
      members.map((index) => ({ index, shape: Object.fromEntries(attentionAxes.map((axis) => [axis, all[axis][index]!])) })),
    )
    return evenly(inner, most).map(({ index, shape }) => {
      const rest = new AttentionTable(pickAttention(all, [...beside, ...members.filter((other) => other !== index)]), table)
      return point(table, 'attention', shape, all.latencyUs[index]!, readAttention(rest, shape))
    })
  })
}

function readAttention(table: AttentionTable, shape: Record<string, number>): number {
  const { newTokens = 0, context = 0, decodes = 0, decodeContext = 0 } = shape
  if (newTokens > 0) return table.mixedNs(newTokens, context, decodes, decodeContext).ns
  return new Curve(table.contextTokens, table.decodeRowNs(decodes)).at(decodeContext).ns
}

function moePoints(moe: MoeSamples, mostPoints: number): LeftOutPoint[] {
  const rows = indices(moe.latencyUs.length)
  const inner = innerPoints(
    rows.map((index) => ({ index, shape: { tokens: moe.tokens[index]!, activatedExperts: moe.activatedExperts[index]! } })),
  )
  return evenly(inner, mostPoints).map(({ index, shape }) => {
    const rest = new MoeTable({
      tokens: without(moe.tokens, index),
      activatedExperts: without(moe.activatedExperts, index),
      latencyUs: without(moe.latencyUs, index),
    })
    return point('moe.csv', 'moe', shape, moe.latencyUs[index]!, rest.at(shape.tokens!, shape.activatedExperts!).ns)
  })
}

function innerPoints(candidates: readonly Candidate[]): Candidate[] {
  const axes = Object.keys(candidates[0]?.shape ?? {})
  const inner = new Set<Candidate>()
  for (const axis of axes) {
    const lines = new Map<string, Candidate[]>()
    for (const candidate of candidates) {
      const line = axes
        .filter((other) => other !== axis)
        .map((other) => candidate.shape[other])
        .join()
      const members = lines.get(line)
      if (members === undefined) lines.set(line, [candidate])
      else members.push(candidate)
    }
    for (const members of lines.values()) {
      members.sort((a, b) => a.shape[axis]! - b.shape[axis]!)
      for (const candidate of members.slice(1, -1)) inner.add(candidate)
    }
  }
  return candidates.filter((candidate) => inner.has(candidate))
}

function evenly<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items
  return Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)]!)
}

function point(table: string, operator: string, shape: Record<string, number>, measuredUs: number, predictedNs: number): LeftOutPoint {
  const predictedUs = predictedNs / 1000
  return { table, operator, shape, measuredUs, predictedUs, errorPct: ((predictedUs - measuredUs) / measuredUs) * 100 }
}

function pickAttention(all: AttentionSamples, rows: readonly number[]): AttentionSamples {
  const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row]!)
  return {
    newTokens: pick(all.newTokens),
    context: pick(all.context),
    decodes: pick(all.decodes),
    decodeContext: pick(all.decodeContext),
    latencyUs: pick(all.latencyUs),
  }
}

function toNs(us: number): number {
  return us * 1000
}

function indices(length: number): number[] {
  return Array.from({ length }, (_, i) => i)
}

function without(values: Float64Array, index: number): Float64Array {
  return values.filter((_, i) => i !== index)
}
