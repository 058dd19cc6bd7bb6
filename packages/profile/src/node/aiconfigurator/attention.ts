import type { Attention, Provenance } from '@servesim/core'
import type { AttentionSamples } from '../../bundle.js'
import { around, ascending, line } from './axis.js'
import type { Row } from './tables.js'

/** One measured point: equal sequences of `tokens` each; for decodes the new token counts. */
interface Point {
  sequences: number
  tokens: number
  us: number
}

export interface AttentionTables {
  prefill: readonly Row[]
  decode: readonly Row[]
}

export interface ImportedAttention {
  samples: AttentionSamples
  /** Absent where the head shape is in both tables. */
  derived: Exclude<Provenance, 'measured'> | undefined
}

/** Prefill and decode attention of one rank's heads, or undefined where the tables say nothing about such heads. */
export function attentionSamples({ prefill, decode }: AttentionTables, shape: Attention): ImportedAttention | undefined {
  const kv = shape.kvBytesPerElement === 1 ? 'fp8' : 'bfloat16'
  const prompts = pointsOf(prefill, shape, kv, (row) => Number(row.isl))
  const decodes = pointsOf(decode, shape, kv, (row) => Number(row.step) + 1)
  if (prompts === undefined || decodes === undefined) return undefined
  // A prompt of one token is a decode.
  const longer = prompts.points.filter((point) => point.tokens > 1)
  const column = (of: (point: Point, isDecode: boolean) => number) =>
    Float64Array.from([...longer.map((point) => of(point, false)), ...decodes.points.map((point) => of(point, true))])
  return {
    samples: {
      newTokens: column((point, isDecode) => (isDecode ? 0 : point.sequences * point.tokens)),
      context: column(() => 0),
      decodes: column((point, isDecode) => (isDecode ? point.sequences : 0)),
      decodeContext: column((point, isDecode) => (isDecode ? point.tokens : 0)),
      latencyUs: column((point) => point.us),
      prompts: column((point, isDecode) => (isDecode ? 0 : point.sequences)),
    },
    derived: prompts.derived ?? decodes.derived,
  }
}

/**
 * Points of a head shape. One that was not measured lies between two with the same KV heads, linear in query heads; beyond them, and where its
 * KV heads were not measured, latency is that of the nearest shape with as many query heads per KV head, times the ratio of heads.
 */
function pointsOf(
  rows: readonly Row[],
  { heads, kvHeads, headDim }: Attention,
  kv: string,
  tokensOf: (row: Row) => number,
): { points: Point[]; derived: ImportedAttention['derived'] } | undefined {
  const shapes = new Map<string, Map<string, Point>>()
  for (const row of rows) {
    if (row.kv_cache_dtype !== kv || Number(row.head_dim) !== headDim || Number(row.window_size ?? 0) > 0) continue
    const shape = `${row.num_heads}/${row.num_key_value_heads}`
    let points = shapes.get(shape)
    if (points === undefined) {
      points = new Map()
      shapes.set(shape, points)
    }
    const point = { sequences: Number(row.batch_size), tokens: tokensOf(row), us: Number(row.latency) * 1e3 }
    const key = `${point.sequences} ${point.tokens}`
    if (!points.has(key)) points.set(key, point)
  }
  const own = shapes.get(`${heads}/${kvHeads}`)
  if (own !== undefined) return { points: [...own.values()], derived: undefined }
  const measured = [...shapes.keys()].map((shape) => shape.split('/').map(Number) as [number, number])
  const sameKv = ascending(measured.filter(([h, k]) => k === kvHeads && (h === k) === (heads === kvHeads)).map(([h]) => h))
  if (sameKv.length > 1 && heads > sameKv[0]! && heads < sameKv.at(-1)!) {
    const [low, high] = around(sameKv, heads)
    const upper = shapes.get(`${high}/${kvHeads}`)!
    const points = [...shapes.get(`${low}/${kvHeads}`)!].flatMap(([key, point]) => {
      const other = upper.get(key)
      return other === undefined ? [] : [{ ...point, us: line(low, point.us, high, other.us, heads) }]
    })
    return { points, derived: 'interpolated' }
  }
  const group = heads / kvHeads
  const alike = measured
    .filter(([h, k]) => h / k === group)
    .sort((a, b) => Math.abs(Math.log(a[0] / heads)) - Math.abs(Math.log(b[0] / heads)))
  const [nearest] = alike
  if (nearest === undefined) return undefined
  const points = [...shapes.get(nearest.join('/'))!.values()].map((point) => ({ ...point, us: point.us * Math.max(1, heads / nearest[0]) }))
  return { points, derived: 'extrapolated' }
}

/**
 * Whether a prefill table can be a measurement: some lie below what the chip's peak rate allows, having been taken with a sliding window on.
 * Arithmetic: 2 · b · s² · heads · dim over the causal half.
 */
export function isSoundPrefill(bf16FlopPerSecond: number): (rows: readonly Row[]) => boolean {
  return (rows) => {
    const long = rows.filter((row) => Number(row.isl) >= 4096 && !(Number(row.window_size ?? 0) > 0) && row.kv_cache_dtype === 'bfloat16')
    const faster = long.filter((row) => {
      const flop = 2 * Number(row.batch_size) * Number(row.isl) ** 2 * Number(row.num_heads) * Number(row.head_dim)
      return flop / bf16FlopPerSecond > Number(row.latency) / 1e3
    })
    return faster.length <= long.length / 100
  }
}
