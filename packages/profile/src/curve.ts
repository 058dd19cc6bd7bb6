import type { Latency, Provenance } from '@servesim/core'

/**
 * Latency over one axis, from measured samples. Exact hits are `measured`; between samples it is linear; below the first it keeps
 * the first value, since a kernel's fixed cost does not shrink with its input (both `interpolated`); above the last it is linear
 * through the last two (`extrapolated`). Never below 0.
 */
export class Curve {
  /**
   * @param x ascending, distinct, at least one entry; kept, not copied
   * @param ns at each `x`, finite; kept, not copied
   * @param tile work comes in tiles of at least so many rows: between samples no further apart, the next one holds
   */
  constructor(
    readonly x: Float64Array,
    readonly ns: Float64Array,
    private readonly tile = 0,
  ) {}

  at(x: number): Latency {
    const last = this.x.length - 1
    const upper = firstAtLeast(this.x, x)
    if (upper <= last && this.x[upper] === x) return { ns: this.ns[upper]!, provenance: 'measured' }
    if (upper === 0) return { ns: this.ns[0]!, provenance: 'interpolated' }
    const provenance: Provenance = upper > last ? 'extrapolated' : 'interpolated'
    if (last === 0) return { ns: this.ns[0]!, provenance }
    const i = Math.min(upper, last) - 1
    if (upper <= last && this.x[upper]! - this.x[i]! <= this.tile) return { ns: this.ns[upper]!, provenance }
    const weight = (x - this.x[i]!) / (this.x[i + 1]! - this.x[i]!)
    return { ns: Math.max(0, this.ns[i]! + weight * (this.ns[i + 1]! - this.ns[i]!)), provenance }
  }
}

/** Index of the first entry ≥ `value`, or the length where none is. */
export function firstAtLeast(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Distinct values, ascending. */
export function distinct(values: Iterable<number>): Float64Array {
  return Float64Array.from(new Set(values)).sort()
}
