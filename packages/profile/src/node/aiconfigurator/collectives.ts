import type { CollectiveKind } from '@servesim/core'
import type { CollectiveSamples } from '../../bundle.js'
import { ascending } from './axis.js'
import type { Row } from './tables.js'

/** Elements of the messages are 16-bit. */
const bytesPerElement = 2

/** All-reduce as the engine does it inside a CUDA graph; eager rows are launched from the host, whose time is not the device's. */
export function engineAllReduces(rows: readonly Row[]): CollectiveSamples[] {
  const graph = rows.filter((row) => String(row.backend).endsWith('graph'))
  return curves('all-reduce', graph.length > 0 ? graph : rows, () => 1)
}

const nccl: readonly (readonly [name: string, kind: CollectiveKind, shareOf: (ranks: number) => number])[] = [
  // Sizes count the gathered buffer; ours count one rank's part.
  ['all_gather', 'all-gather', (ranks) => 1 / ranks],
  ['reduce_scatter', 'reduce-scatter', (ranks) => 1 / ranks],
  ['alltoall', 'all-to-all', () => 1],
]

export function ncclCollectives(rows: readonly Row[]): CollectiveSamples[] {
  return nccl.flatMap(([name, kind, share]) =>
    curves(
      kind,
      rows.filter((row) => row.op_name === name && row.nccl_dtype === 'half'),
      share,
    ),
  )
}

function curves(collective: CollectiveKind, rows: readonly Row[], shareOf: (ranks: number) => number): CollectiveSamples[] {
  return ascending(rows.map((row) => Number(row.num_gpus))).map((ranks) => {
    const curve = new Map<number, number>()
    for (const row of rows) {
      const bytes = Number(row.message_size) * bytesPerElement * shareOf(ranks)
      if (Number(row.num_gpus) === ranks && !curve.has(bytes)) curve.set(bytes, Number(row.latency) * 1e3)
    }
    const bytes = ascending(curve.keys())
    const us = bytes.map((size) => curve.get(size)!)
    // A message can be sent as a longer one: where an engine changes its algorithm too late, fused collectives, which recipes turn on, do not.
    for (let i = us.length - 2; i >= 0; i--) us[i] = Math.min(us[i]!, us[i + 1]!)
    return { collective, ranks, bytes: Float64Array.from(bytes), latencyUs: Float64Array.from(us) }
  })
}
