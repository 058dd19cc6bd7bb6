import type { SiliconRow } from './silicon-csv.js'

/** How a point's model lies on its accelerators. */
export interface Layout {
  tensor: number
  /** Replicas that step together and share experts; 1 otherwise. */
  attentionData: number
  /** Ranks that the experts are spread over; 1 where each is cut. */
  expert: number
  /** Requests under way, all replicas together. */
  concurrency: number
}

const devicesOfNode = 8

/**
 * The layout of a row, or why it is none. Rows of systems with eight devices that name 16 or 64 had tensor parallelism multiplied by expert
 * parallelism when the set was made; hardware leaves one reading: the experts' ranks are the tensor ranks, or the data-parallel ones.
 */
export function layoutOf(row: SiliconRow, hasExperts: boolean): Layout | string {
  const { tensor, pipeline, attentionData, moeTensor, moeExpert, batchSize } = row
  if (pipeline > 1) return 'layout: pipeline stages'
  const concurrency = concurrencyOf(row) ?? batchSize * attentionData
  if (/^(h100|h200|b200|b300)/.test(row.system) && tensor * attentionData > devicesOfNode) return relabelled(row, concurrency)
  if (!hasExperts)
    return attentionData > 1 ? 'layout: data-parallel ranks of a dense model' : { tensor, attentionData, expert: 1, concurrency }
  if (tensor * attentionData !== moeTensor * moeExpert)
    return `layout: ${tensor} × ${attentionData} attention ranks, ${moeTensor} × ${moeExpert} of experts`
  if (moeTensor > 1 && moeExpert > 1) return 'layout: experts both cut and spread'
  if (attentionData > 1 && moeExpert === 1) return 'layout: experts cut over data-parallel ranks'
  return { tensor, attentionData, expert: moeExpert, concurrency }
}

function relabelled({ tensor, attentionData, moeExpert }: SiliconRow, concurrency: number): Layout | string {
  if (attentionData === 1 && (tensor === 16 || tensor === 64)) {
    const ranks = Math.sqrt(tensor)
    return { tensor: ranks, attentionData: 1, expert: ranks, concurrency }
  }
  const ranks = attentionData * tensor === 16 ? 4 : attentionData * tensor === 64 ? 8 : undefined
  if (ranks === undefined || moeExpert < ranks) return `layout: ${tensor * attentionData} ranks on ${devicesOfNode} devices`
  return { tensor: 1, attentionData: ranks, expert: ranks, concurrency }
}

function concurrencyOf({ source }: SiliconRow): number | undefined {
  const found = /silicon_concurrency=(\d+)/.exec(source)?.[1]
  return found === undefined ? undefined : Number(found)
}
