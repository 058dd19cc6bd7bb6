import { type Provenance, provenances } from './points/device.js'

/** How far a run's device time may be off. */
export interface Uncertainty {
  /** Share of time per provenance × the error of such latencies on points left out, 0–1; what has no known error counts nothing. */
  relative: number
  /** Share of device time whose error nobody has measured, 0–1. */
  unknownShare: number
}

export type LeftOutErrors = Readonly<Partial<Record<Provenance, number>>>

/** @param parts time by provenance (aligned with `provenances`, ns) and the errors that hold for it */
export function uncertaintyOf(parts: readonly { provenanceNs: Float64Array; errors: LeftOutErrors }[]): Uncertainty {
  let [total, weighted, unknown] = [0, 0, 0]
  for (const { provenanceNs, errors } of parts) {
    for (const [i, provenance] of provenances.entries()) {
      const ns = provenanceNs[i]!
      const error = errors[provenance]
      total += ns
      if (error === undefined) unknown += ns
      else weighted += ns * error
    }
  }
  return total === 0 ? { relative: 0, unknownShare: 0 } : { relative: weighted / total, unknownShare: unknown / total }
}
