import { operatorClasses } from './operators.js'
import { type AttentionLatency, type Provenance, provenances } from './points/device.js'
import type { StepView } from './points/step-cost.js'
import { flowsOf, linkNs, type StepTables } from './row-table.js'
import { emptyUsage, resources, type UsageSummary } from './usage-summary.js'

const attentionClass = operatorClasses.indexOf('attention')
const collectiveClass = operatorClasses.indexOf('collective')
const hostClass = operatorClasses.indexOf('host')
const linkResource = resources.indexOf('link')
const hostResource = resources.indexOf('host')
const extrapolated = provenances.indexOf('extrapolated')

/**
 * How often each step shape was priced: enough to say at the end where the time went, at the cost of two increments a step.
 */
export class StepUsage {
  private decodeAttentionNs = 0
  private extrapolatedDecodeNs = 0
  private readonly mixedAttentionNs = new Float64Array(provenances.length)
  private hostNs = 0
  /** What flows added to collectives. */
  private sharedNs = 0
  /** Provenance of the mixed step priced last. */
  mixedProvenance: Provenance = 'analytic'

  /** @param stages tables of each pipeline stage */
  constructor(
    private readonly stages: readonly StepTables[],
    private readonly attention: AttentionLatency,
  ) {}

  private countShape(step: StepView, steps: number): void {
    const { stages } = this
    const { paddedTokens, expertTokens, peerTokens } = step
    const flows = flowsOf(step)
    for (let s = 0; s < stages.length; s++) {
      const { tokens, sequences, experts, peers } = stages[s]!
      tokens.count(paddedTokens, steps)
      sequences.count(step.logitRows, steps)
      experts.count(expertTokens, steps)
      peers.count(peerTokens, steps)
      if (flows > 0) this.sharedNs += steps * flows * linkNs(step, stages[s]!)
    }
  }

  /** The step that was priced last will run. */
  count(step: StepView, attentionNs: number): void {
    this.countShape(step, 1)
    if (step.prefills === 0) this.countDecode(step.decodeContextSum / step.decodes, attentionNs)
    else this.mixedAttentionNs[provenances.indexOf(this.mixedProvenance)]! += attentionNs
  }

  /** The device waited for the host. */
  wait(waitedNs: number): void {
    this.hostNs += waitedNs
  }

  /** `steps` pure-decode steps of one shape, of which `step` is the first; entry j of `attentionNs` is the j-th. */
  countRun(step: StepView, steps: number, attentionNs: Float64Array, waitedNs: number): void {
    this.countShape(step, steps)
    this.wait(waitedNs)
    const { decodes, decodeContextSum } = step
    const lastMeasured = Math.floor((this.attention.measuredContextTokens * decodes - decodeContextSum) / decodes)
    let measuredNs = 0
    let extrapolatedNs = 0
    for (let j = 0; j < steps; j++) {
      if (j <= lastMeasured) measuredNs += attentionNs[j]!
      else extrapolatedNs += attentionNs[j]!
    }
    this.decodeAttentionNs += measuredNs + extrapolatedNs
    this.extrapolatedDecodeNs += extrapolatedNs
  }

  private countDecode(context: number, attentionNs: number): void {
    this.decodeAttentionNs += attentionNs
    if (context > this.attention.measuredContextTokens) this.extrapolatedDecodeNs += attentionNs
  }

  /** Device time in ns by operator class, resource and provenance. */
  summary(): UsageSummary {
    const summary = emptyUsage()
    for (const tables of this.stages) for (const table of Object.values(tables)) table.fold(summary)
    const mixedNs = this.mixedAttentionNs.reduce((a, b) => a + b, 0)
    summary.classNs[attentionClass]! += this.decodeAttentionNs + mixedNs
    summary.classNs[hostClass]! += this.hostNs
    summary.classNs[collectiveClass]! += this.sharedNs
    summary.resourceNs[linkResource]! += this.sharedNs
    summary.provenanceNs[provenances.indexOf('analytic')]! += this.sharedNs
    // Decode attention streams the KV cache; attention of a step with prefill is counted as arithmetic.
    summary.resourceNs[0]! += mixedNs
    summary.resourceNs[1]! += this.decodeAttentionNs
    summary.resourceNs[hostResource]! += this.hostNs
    for (let p = 0; p < provenances.length; p++) summary.provenanceNs[p]! += this.mixedAttentionNs[p]!
    summary.provenanceNs[provenances.indexOf(this.attention.decodeProvenance)]! += this.decodeAttentionNs - this.extrapolatedDecodeNs
    summary.provenanceNs[extrapolated]! += this.extrapolatedDecodeNs
    return summary
  }
}
