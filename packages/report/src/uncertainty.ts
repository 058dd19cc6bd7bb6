import type { SimulationResult } from '@servesim/core'

/** Lowest and highest value that the uncertainty of device time allows; null where nothing was measured. */
export type Band = readonly [low: number, high: number]

export interface UncertaintyBands {
  /** Of device time, 0–1: share per provenance × its error on points left out. */
  relative: number
  /** Share of device time whose error is unknown, 0–1; the bands leave it out. */
  unknownShare: number
  /** Means, ms. */
  ttftMs: Band | null
  tpotMs: Band | null
  requestsPerSecond: Band
}

/**
 * The uncertainty of device time carried over to what users see, one to one: latencies scale with step times, throughput with their inverse. Queues near
 * saturation amplify it, and arrivals that nothing holds back keep throughput as it is: a band says how far step times may be off, not more.
 */
export function uncertaintyBands({ uncertainty, metrics, throughput }: SimulationResult): UncertaintyBands {
  const { relative, unknownShare } = uncertainty
  const around = (value: number | undefined): Band | null =>
    value === undefined || !Number.isFinite(value) ? null : [value * (1 - relative), value * (1 + relative)]
  const mean = (metric: 'ttft' | 'tpot') => metrics.find((m) => m.metric === metric && m.stat === 'mean')?.value
  const { requestsPerSecond } = throughput
  return {
    relative,
    unknownShare,
    ttftMs: around(mean('ttft')),
    tpotMs: around(mean('tpot')),
    requestsPerSecond: [requestsPerSecond / (1 + relative), requestsPerSecond / Math.max(1e-9, 1 - relative)],
  }
}
