import type { Attention, AttentionLatency, Latency } from '@servesim/core'

/** The way between the device and the memory that computes, for each layer. */
export interface Way {
  /** 10⁹ B/s; undefined: the memory is the device's own, and its pins are in its latencies. */
  linkGBps: number | undefined
  /** Handing over and waiting for the results, µs. */
  syncUs: number
}

/**
 * Attention of a device whose decodes another one takes: prompts stay on the device, and both work beside each other. Queries, keys and values
 * of the new tokens go over, results come back.
 * @param own the device's, for prompts
 * @param other what takes the decodes
 */
export function offloadedAttention(
  own: AttentionLatency,
  other: AttentionLatency,
  shape: Attention,
  { linkGBps, syncUs }: Way,
): AttentionLatency {
  const { heads, kvHeads, headDim, kvBytesPerElement } = shape
  const bytes = (2 * heads + 2 * kvHeads) * headDim * kvBytesPerElement
  const wayNs = (decodes: number) => syncUs * 1e3 + (linkGBps === undefined ? 0 : (decodes * bytes) / linkGBps)
  const { contextTokens } = other
  /** The last batch size asked for: steps repeat it. */
  let rowOf = 0
  let row = new Float64Array(0)
  const mixed: Latency = { ns: 0, provenance: 'analytic' }
  const decodeRowNs = (decodes: number, launched: number) => {
    const extra = wayNs(decodes)
    return other.decodeRowNs(decodes, launched).map((ns) => ns + extra)
  }
  const besideNs = (decodes: number, context: number): number => {
    if (rowOf !== decodes) {
      row = decodeRowNs(decodes, decodes)
      rowOf = decodes
    }
    return at(contextTokens, row, context)
  }
  return {
    contextTokens,
    measuredContextTokens: other.measuredContextTokens,
    decodeProvenance: other.decodeProvenance,
    decodeRowNs,
    besideNs,
    mixedNs(newTokens, context, decodes, decodeContext) {
      const prefill = own.mixedNs(newTokens, context, 0, 0)
      const beside = decodes === 0 ? 0 : besideNs(decodes, decodeContext)
      mixed.provenance = beside > prefill.ns ? other.decodeProvenance : prefill.provenance
      mixed.ns = Math.max(prefill.ns, beside)
      return mixed
    },
  }
}

/** Linear between grid contexts; beyond the last one the last two go on, as core reads decode rows. */
function at(grid: Float64Array, row: Float64Array, context: number): number {
  let cell = 0
  while (cell < grid.length - 2 && context >= grid[cell + 1]!) cell++
  const x = grid[cell]!
  if (context <= x) return row[cell]!
  return row[cell]! + ((row[cell + 1]! - row[cell]!) * (context - x)) / (grid[cell + 1]! - x)
}
