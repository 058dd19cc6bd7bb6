import type { Provenance } from '@servesim/core'
import { firstAtLeast } from './curve.js'

/** How well a cell is known; the numbers order from best to worst. */
const MEASURED = 0
export const INTERPOLATED = 1
export const EXTRAPOLATED = 2

/**
 * Latencies over several axes, complete after `fill`. Measured tables are ragged: a profiler skips what does not fit into memory, and
 * a table refined by a second, denser grid has values that the first grid's rows lack.
 */
export class Grid {
  readonly strides: number[]
  /** Row-major, NaN where unknown, ns. */
  readonly ns: Float64Array
  /** `MEASURED`, `INTERPOLATED` or `EXTRAPOLATED`, per cell. */
  readonly known: Uint8Array

  /** @param axes ascending, distinct values of each axis, the slowest first */
  constructor(readonly axes: readonly Float64Array[]) {
    this.strides = axes.map((_, axis) => axes.slice(axis + 1).reduce((cells, a) => cells * a.length, 1))
    const cells = axes.reduce((product, axis) => product * axis.length, 1)
    this.ns = new Float64Array(cells).fill(Number.NaN)
    this.known = new Uint8Array(cells)
  }

  /**
   * Gives every unknown cell a value. First inwards: along each axis in turn, linearly between the nearest known neighbours, so that a
   * row is completed from itself before its neighbours are asked. Then outwards, in the same order: above the last known cell linearly
   * through the last two (never below the last), below the first the first. A line with nothing known waits for the next axis.
   * @param order indices of axes, the most trusted first
   */
  fill(order: readonly number[]): void {
    for (const axis of order) this.forEachLine(axis, (start) => this.fillBetween(axis, start))
    for (const axis of order) this.forEachLine(axis, (start) => this.fillOutside(axis, start))
  }

  private forEachLine(axis: number, visit: (start: number) => void): void {
    const stride = this.strides[axis]!
    const span = stride * this.axes[axis]!.length
    for (let block = 0; block < this.ns.length; block += span) for (let offset = 0; offset < stride; offset++) visit(block + offset)
  }

  private fillBetween(axis: number, start: number): void {
    const x = this.axes[axis]!
    const stride = this.strides[axis]!
    let before = -1
    for (let i = 0; i < x.length; i++) {
      if (Number.isNaN(this.ns[start + i * stride]!)) continue
      for (let gap = before + 1; before >= 0 && gap < i; gap++) this.blend(axis, start, gap, before, i, INTERPOLATED)
      before = i
    }
  }

  private fillOutside(axis: number, start: number): void {
    const stride = this.strides[axis]!
    const length = this.axes[axis]!.length
    let first = 0
    while (first < length && Number.isNaN(this.ns[start + first * stride]!)) first++
    if (first === length) return
    let last = length - 1
    while (Number.isNaN(this.ns[start + last * stride]!)) last--
    for (let i = 0; i < first; i++) this.blend(axis, start, i, first, first, EXTRAPOLATED)
    const base = Math.max(first, last - 1)
    for (let i = last + 1; i < length; i++) {
      this.blend(axis, start, i, base, last, EXTRAPOLATED)
      this.ns[start + i * stride] = Math.max(this.ns[start + i * stride]!, this.ns[start + last * stride]!)
    }
  }

  /** Sets cell `i` of a line from the straight line through cells `a` and `b`. */
  private blend(axis: number, start: number, i: number, a: number, b: number, known: number): void {
    const x = this.axes[axis]!
    const stride = this.strides[axis]!
    const from = start + a * stride
    const to = start + b * stride
    const weight = a === b ? 0 : (x[i]! - x[a]!) / (x[b]! - x[a]!)
    this.ns[start + i * stride] = this.ns[from]! + weight * (this.ns[to]! - this.ns[from]!)
    this.known[start + i * stride] = Math.max(known, this.known[from]!, this.known[to]!)
  }
}

/** Where a value lies on an axis: between entries `index` and `index + 1`, `weight` of the way (above 1 beyond the end). Reused. */
export class Bracket {
  index = 0
  weight = 0
  /** The value is an entry. An exact hit has weight 0, so that nothing else is read. */
  exact = false
  /** The value is above the last entry. */
  beyond = false

  /** Below the first entry counts as the first; above the last the last two are continued. */
  locate(axis: Float64Array, value: number): void {
    const last = axis.length - 1
    const upper = firstAtLeast(axis, value)
    this.exact = axis[upper] === value
    this.beyond = upper > last
    this.weight = 0
    if (this.exact || upper === 0 || last === 0) this.index = Math.min(upper, last)
    else {
      this.index = Math.min(upper, last) - 1
      const low = axis[this.index]!
      this.weight = (value - low) / (axis[this.index + 1]! - low)
    }
  }
}

/**
 * Blend of the four cells around a point of a plane whose faster axis is contiguous. An end that weighs nothing is not read.
 * @param cell the lower corner
 * @param stride cells from one entry of the slower axis to the next
 */
export function bilinear(cells: Float64Array, cell: number, stride: number, slow: number, fast: number): number {
  const low = linear(cells, cell, fast)
  return slow === 0 ? low : low + slow * (linear(cells, cell + stride, fast) - low)
}

function linear(cells: Float64Array, cell: number, weight: number): number {
  const low = cells[cell]!
  return weight === 0 ? low : low + weight * (cells[cell + 1]! - low)
}

/** The worst knowledge among the cells that `bilinear` reads for the same arguments. */
export function worstOf(known: Uint8Array, cell: number, stride: number, slow: number, fast: number): number {
  let worst = known[cell]!
  if (fast !== 0) worst = Math.max(worst, known[cell + 1]!)
  if (slow !== 0) worst = Math.max(worst, known[cell + stride]!)
  if (slow !== 0 && fast !== 0) worst = Math.max(worst, known[cell + stride + 1]!)
  return worst
}

/**
 * @param known worst of the cells that went in
 * @param onGrid the query hit a cell exactly
 * @param beyond the query lies above an axis' last value
 */
export function provenanceOf(known: number, onGrid: boolean, beyond: boolean): Provenance {
  if (beyond || known === EXTRAPOLATED) return 'extrapolated'
  return onGrid && known === MEASURED ? 'measured' : 'interpolated'
}
