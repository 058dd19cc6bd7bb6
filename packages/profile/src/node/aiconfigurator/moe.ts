import type { Moe, Provenance } from '@servesim/core'
import { ascending } from './axis.js'
import { dtypeOf } from './gemms.js'
import type { Row } from './tables.js'

/** How the benchmark's tokens chose experts. */
export type Routing = 'balanced' | 'power_law_1.01' | 'power_law_1.2'

export interface MoeCurve {
  tokens: Float64Array
  us: Float64Array
  provenance: Provenance
  /** Number format of the rows, as the database calls it. */
  dtype: string
}

/**
 * The experts of one layer on one rank, over the tokens of all ranks; routing and sum are in it, the router's product is not.
 * @param tensor ranks that every expert is cut over; 1 where experts are spread whole
 * @param dtypes formats to look for, best first
 * @returns undefined where the tables do not have such experts
 */
export function moeCurve(
  rows: readonly Row[],
  moe: Moe,
  tensor: number,
  dtypes: readonly string[],
  routing: Routing,
): MoeCurve | undefined {
  const ranks = moe.experts / moe.localExperts
  const width = moe.intermediateSize * tensor
  for (const dtype of dtypes) {
    const alike = rows.filter(
      (row) =>
        row.moe_dtype === dtype &&
        row.distribution === routing &&
        Number(row.hidden_size) === moe.hiddenSize &&
        Number(row.inter_size) === width &&
        Number(row.topk) === moe.topK &&
        Number(row.num_experts) === moe.experts &&
        Number(row.moe_ep_size) === ranks,
    )
    const cuts = ascending(alike.map((row) => Number(row.moe_tp_size)))
    if (cuts.length === 0) continue
    // An expert cut in more pieces than were measured takes the share of its width of the finest that were.
    const cut = cuts.includes(tensor) ? tensor : cuts.findLast((size) => size < tensor)
    if (cut === undefined) continue
    const curve = new Map<number, number>()
    for (const row of alike) {
      const tokens = Number(row.num_tokens)
      if (Number(row.moe_tp_size) === cut && !curve.has(tokens)) curve.set(tokens, (Number(row.latency) * 1e3 * cut) / tensor)
    }
    const tokens = ascending(curve.keys())
    return {
      tokens: Float64Array.from(tokens),
      us: Float64Array.from(tokens, (count) => curve.get(count)!),
      provenance: cut === tensor ? 'measured' : 'extrapolated',
      dtype,
    }
  }
  return undefined
}

/** Formats in which a layer of experts may be found: its own, then one whose kernel does the same work. */
export function moeDtypes({ precision = 'bf16' }: Moe): string[] {
  if (precision === 'fp8') return ['fp8', 'fp8_block']
  if (precision === 'fp8-block') return ['fp8_block', 'fp8']
  return [dtypeOf[precision]]
}
