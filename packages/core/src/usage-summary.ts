import { operatorClasses } from './operators.js'
import { provenances } from './points/device.js'

/** What binds a nanosecond: for "where the time goes by resource". */
export const resources = ['compute', 'memory', 'link', 'host'] as const
export type Resource = (typeof resources)[number]

/** Where time goes, ns. */
export interface UsageSummary {
  /** Aligned with `operatorClasses`, `resources`, `provenances`. */
  classNs: Float64Array
  resourceNs: Float64Array
  provenanceNs: Float64Array
}

export function emptyUsage(): UsageSummary {
  return {
    classNs: new Float64Array(operatorClasses.length),
    resourceNs: new Float64Array(resources.length),
    provenanceNs: new Float64Array(provenances.length),
  }
}

/** Adds `times` × `from`. */
export function addUsage(into: UsageSummary, from: UsageSummary, times: number): void {
  for (let i = 0; i < into.classNs.length; i++) into.classNs[i]! += times * from.classNs[i]!
  for (let i = 0; i < into.resourceNs.length; i++) into.resourceNs[i]! += times * from.resourceNs[i]!
  for (let i = 0; i < into.provenanceNs.length; i++) into.provenanceNs[i]! += times * from.provenanceNs[i]!
}
