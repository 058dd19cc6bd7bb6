import type { CollectiveKind } from '@servesim/core'

/**
 * Bytes that cross each rank's link in one direction, at the least: what bus bandwidth counts (NVIDIA nccl-tests, PERFORMANCE.md), and
 * the bandwidth term of the ring algorithms.
 * @param ranks ≥ 2
 * @param bytes as `CollectiveCall.bytesPerRow` counts: the whole buffer of all-reduce and of one rank's all-to-all, one rank's share of
 *   all-gather and reduce-scatter
 */
export function trafficBytes(collective: CollectiveKind, ranks: number, bytes: number): number {
  switch (collective) {
    case 'all-reduce':
      return (2 * (ranks - 1) * bytes) / ranks
    case 'all-gather':
    case 'reduce-scatter':
      return (ranks - 1) * bytes
    case 'all-to-all':
      return ((ranks - 1) * bytes) / ranks
  }
}
