import { ServesimError } from '@servesim/core'
import type { AttentionSamples } from './bundle.js'
import { distinct, firstAtLeast } from './curve.js'
import { Bracket, bilinear, Grid } from './grid.js'

/** 80 MB of latencies; a profile of 19,364 rows on two interleaved grids spans 76,000. */
const mostCells = 1e7

/** Decode-only latencies over (decodes, context). */
export function decodeGrid(samples: AttentionSamples, path: string): Grid {
  const rows = indices(samples, (i) => samples.newTokens[i] === 0 && samples.decodes[i]! > 0)
  if (rows.length === 0) throw noRows(path, 'no row of decodes alone (new_tokens 0)')
  const counts = distinct(rows.map((i) => samples.decodes[i]!))
  const contexts = distinct(rows.map((i) => samples.decodeContext[i]!))
  const grid = new Grid([counts, contexts])
  for (const i of rows) {
    const cell = firstAtLeast(counts, samples.decodes[i]!) * contexts.length + firstAtLeast(contexts, samples.decodeContext[i]!)
    grid.ns[cell] = samples.latencyUs[i]! * 1000
  }
  grid.fill([1, 0])
  return grid
}

/**
 * Latencies of a prefill chunk beside decodes over (chunk, decodes, context, decode context), made rectangular. A count of 0 decodes
 * is an entry of its axis.
 *
 * Gaps inside what was measured are filled before anything is extrapolated, along the axis whose neighbours tell most: decode context,
 * then context (attention is close to linear in both within one kernel), then chunk (a slice that begins at a decode context of 512
 * takes the shape below from the chunks around it), then decodes. What nothing bounds, such as more decodes beside a chunk than were
 * measured, continues the last two slices: decodes beside a chunk run in another kernel than decodes alone, so the decode-only rows say
 * little about them (adding their difference is off by a third where both are known, continuing the slices by an eighth).
 *
 * A table without any mixed row has one entry on both axes of decodes: their kernel then runs behind the chunk's.
 */
export function mixedGrid(samples: AttentionSamples, decode: Grid, path: string): Grid {
  const rows = indices(samples, (i) => samples.newTokens[i]! > 0)
  if (!rows.some((i) => samples.decodes[i] === 0)) throw noRows(path, 'no row of a prefill chunk alone (decodes 0)')
  const beside = rows.filter((i) => samples.decodes[i]! > 0)
  const chunks = distinct(rows.map((i) => samples.newTokens[i]!))
  const counts = beside.length === 0 ? Float64Array.of(0) : distinct([0, ...decode.axes[0]!, ...beside.map((i) => samples.decodes[i]!)])
  const contexts = distinct(rows.map((i) => samples.context[i]!))
  const decodeContexts = beside.length === 0 ? Float64Array.of(0) : distinct(beside.map((i) => samples.decodeContext[i]!))
  const cells = chunks.length * counts.length * contexts.length * decodeContexts.length
  if (cells > mostCells)
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      path,
      `The attention table has ${rows.length} rows that span a grid of ${cells} cells; expected the same few values of each axis again and again.`,
      'Measure on a grid: scattered shapes cannot be interpolated between.',
    )
  const grid = new Grid([chunks, counts, contexts, decodeContexts])
  const [chunkAt, countAt, contextAt, decodeContextAt] = grid.axes.map(positions) as [Position, Position, Position, Position]
  for (const i of rows) {
    const ns = samples.latencyUs[i]! * 1000
    const start =
      chunkAt(samples.newTokens[i]!) * grid.strides[0]! +
      countAt(samples.decodes[i]!) * grid.strides[1]! +
      contextAt(samples.context[i]!) * grid.strides[2]!
    // Without decodes their context means nothing: the value holds for all.
    if (samples.decodes[i] === 0) grid.ns.fill(ns, start, start + decodeContexts.length)
    else grid.ns[start + decodeContextAt(samples.decodeContext[i]!)] = ns
  }
  grid.fill([3, 2, 0, 1])
  return grid
}

/**
 * What is left of each (chunk, decodes, decode context) when its prefill has no work: the value at k = −q/2, where many prompts share
 * the chunk and each is negligibly short. Between there and context 0 latency is linear in the work q·(k + q/2). The slope is a
 * secant, from context 0 to the measured context nearest q/2: the first steps of the context axis are a few tiles wide and too noisy
 * to be carried on. It never falls below the smallest chunk beside the same decodes, nor below those decodes alone.
 * @returns ns by chunk, decodes, decode context, row-major
 */
export function noWorkNs(grid: Grid, decode: Grid): Float64Array {
  const [chunks, counts, contexts, decodeContexts] = grid.axes as [Float64Array, Float64Array, Float64Array, Float64Array]
  const first = contexts[0]!
  const result = new Float64Array(chunks.length * counts.length * decodeContexts.length)
  const alone = new DecodeLookup(decode)
  let out = 0
  for (let q = 0; q < chunks.length; q++) {
    const far = nearestPositive(contexts, chunks[q]! / 2)
    for (let n = 0; n < counts.length; n++)
      for (let d = 0; d < decodeContexts.length; d++) {
        const cell = q * grid.strides[0]! + n * grid.strides[1]! + d
        const atFirst = grid.ns[cell]!
        const slope = far === 0 ? 0 : (grid.ns[cell + far * grid.strides[2]!]! - atFirst) / (contexts[far]! - first)
        const continued = atFirst - slope * (first + chunks[q]! / 2)
        const smallest = grid.ns[n * grid.strides[1]! + d]!
        const floor = Math.max(smallest, n === 0 ? 0 : alone.ns(counts[n]!, decodeContexts[d]!))
        result[out++] = Math.min(atFirst, Math.max(continued, floor))
      }
  }
  return result
}

type Position = (value: number) => number

/** Where values stand on an axis. Tables are sorted by most of their columns, so the last answer is tried first. */
function positions(axis: Float64Array): Position {
  let last = 0
  return (value) => {
    if (axis[last] !== value) last = firstAtLeast(axis, value)
    return last
  }
}

/** Index of the positive context nearest `wanted`; 0 where there is none beside the first. */
function nearestPositive(contexts: Float64Array, wanted: number): number {
  let best = 0
  for (let i = 1; i < contexts.length; i++) if (best === 0 || Math.abs(contexts[i]! - wanted) < Math.abs(contexts[best]! - wanted)) best = i
  return best
}

/** Bilinear lookup of decodes alone, continued through the last two values of either axis. */
export class DecodeLookup {
  private readonly count = new Bracket()
  private readonly context = new Bracket()
  constructor(private readonly grid: Grid) {}
  ns(decodes: number, context: number): number {
    const [counts, contexts] = this.grid.axes as [Float64Array, Float64Array]
    this.count.locate(counts, decodes)
    this.context.locate(contexts, context)
    return bilinear(
      this.grid.ns,
      this.count.index * contexts.length + this.context.index,
      contexts.length,
      this.count.weight,
      this.context.weight,
    )
  }
}

function indices(samples: AttentionSamples, keep: (i: number) => boolean): number[] {
  const kept: number[] = []
  for (let i = 0; i < samples.latencyUs.length; i++) if (keep(i)) kept.push(i)
  return kept
}

function noRows(path: string, what: string): ServesimError {
  return new ServesimError(
    'SERVESIM_BAD_BUNDLE',
    path,
    `The attention table has ${what}.`,
    'Measure again, or import again from a complete profile.',
  )
}
