import type { CollectiveCall, Operator, OperatorGraph } from './operators.js'
import { operatorClasses } from './operators.js'
import type { AttentionLatency, CompiledDevice, Provenance } from './points/device.js'
import { provenances } from './points/device.js'
import type { Network } from './points/network.js'
import type { RunPrice, StepCost, StepPrice, StepView } from './points/step-cost.js'

/** What binds a nanosecond: for "where the time goes by resource". */
export const resources = ['compute', 'memory', 'link', 'host'] as const
export type Resource = (typeof resources)[number]

const attentionClass = operatorClasses.indexOf('attention')
const collectiveClass = operatorClasses.indexOf('collective')
const hostClass = operatorClasses.indexOf('host')
const linkResource = resources.indexOf('link')
const hostResource = resources.indexOf('host')
const extrapolated = provenances.indexOf('extrapolated')

/**
 * The price of a step without techniques: latencies of all operators summed over the layers, and collectives. Everything that depends
 * on the token count alone is folded into one number per count, likewise for the sequence count; what is left to do per step is two
 * lookups and one attention price, however many layers and operators there are.
 */
export class BaseStepCost implements StepCost {
  readonly reads = 'shape'
  readonly usage: StepUsage
  private readonly byTokens: RowTable
  private readonly bySequences: RowTable
  /** Decode rows by sequences, and for how many each was launched. */
  private readonly rows: (Float64Array | undefined)[] = []
  private readonly rowLaunched: number[] = []
  private readonly attention: AttentionLatency
  private readonly grid: Float64Array
  private readonly attentionRepeat: number
  /** Grid cell of the last decode lookup: contexts grow slowly, so the next one is nearly always in it or the next. */
  private cell = 0

  constructor(graph: OperatorGraph, device: CompiledDevice, network: Network | undefined, maxTokens: number, maxSequences: number) {
    this.byTokens = new RowTable(maxTokens, device, network)
    this.bySequences = new RowTable(maxSequences, device, network)
    let attentionRepeat = 0
    for (const operator of graph.operators) {
      if (operator.kind === 'attention') attentionRepeat += operator.repeat
      else (operator.kind === 'moe' || operator.rows === 'tokens' ? this.byTokens : this.bySequences).operators.push(operator)
    }
    for (const call of graph.collectives) (call.rows === 'tokens' ? this.byTokens : this.bySequences).collectives.push(call)
    this.attention = device.attention
    this.grid = device.attention.contextTokens
    this.attentionRepeat = attentionRepeat
    this.usage = new StepUsage(this.byTokens, this.bySequences, device.attention)
  }

  price(step: StepView, _startNs: number, out: StepPrice): void {
    out.fixedNs = this.fixedNs(step)
    out.attentionNs = step.prefills === 0 ? this.decodeNs(this.row(step), step.decodeContextSum / step.decodes) : this.mixedNs(step)
    out.hostNs = 0
  }

  priceRun(step: StepView, count: number, _startNs: number, out: RunPrice): void {
    out.fixedNs = this.fixedNs(step)
    out.hostNs = 0
    const { attentionNs } = out
    const { decodes } = step
    const row = this.row(step)
    let contextSum = step.decodeContextSum
    for (let j = 0; j < count; j++) {
      attentionNs[j] = this.decodeNs(row, contextSum / decodes)
      contextSum += decodes
    }
  }

  private fixedNs(step: StepView): number {
    return this.byTokens.ns(step.paddedTokens) + this.bySequences.ns(step.sequences)
  }

  private row(step: StepView): Float64Array {
    const { decodes, paddedSequences } = step
    const known = this.rows[decodes]
    if (known !== undefined && this.rowLaunched[decodes] === paddedSequences) return known
    const row = this.attention.decodeRowNs(decodes, paddedSequences)
    this.rows[decodes] = row
    this.rowLaunched[decodes] = paddedSequences
    return row
  }

  /** Linear between grid contexts; beyond the last one the last two go on. */
  private decodeNs(row: Float64Array, context: number): number {
    const { grid } = this
    const last = grid.length - 2
    let cell = this.cell
    if (context < grid[cell]!) cell = 0
    while (cell < last && context >= grid[cell + 1]!) cell++
    this.cell = cell
    const x = grid[cell]!
    const y = row[cell]!
    if (context <= x) return this.attentionRepeat * y
    return this.attentionRepeat * (y + ((row[cell + 1]! - y) * (context - x)) / (grid[cell + 1]! - x))
  }

  private mixedNs(step: StepView): number {
    const { prefillTokens, decodes } = step
    // The one chunk that does the same work: quadratic within a prompt, not across prompts.
    const context = step.prefillWork / prefillTokens - prefillTokens / 2
    const latency = this.attention.mixedNs(prefillTokens, context, decodes, decodes === 0 ? 0 : step.decodeContextSum / decodes)
    this.usage.mixedProvenance = latency.provenance
    return this.attentionRepeat * latency.ns
  }
}

/**
 * Latency by row count, in all and split by operator class, resource and provenance. A row count is priced when it first occurs: a run
 * meets a small part of them.
 */
class RowTable {
  readonly operators: Exclude<Operator, { kind: 'attention' }>[] = []
  readonly collectives: CollectiveCall[] = []
  private readonly totalNs: Float64Array
  private readonly splits: UsageSummary[] = []

  constructor(
    readonly maxRows: number,
    private readonly device: CompiledDevice,
    private readonly network: Network | undefined,
  ) {
    this.totalNs = new Float64Array(maxRows + 1).fill(Number.NaN)
  }

  ns(rows: number): number {
    const known = this.totalNs[rows]!
    return Number.isNaN(known) ? this.price(rows) : known
  }

  /** How a row count's latency splits; it must have been priced. */
  split(rows: number): UsageSummary {
    return this.splits[rows]!
  }

  private price(rows: number): number {
    const split = emptyUsage()
    let total = 0
    for (const operator of this.operators) {
      const latency = this.device.latency(operator, rows)
      const ns = operator.repeat * latency.ns
      const compute = ns * (latency.computeFraction ?? 0)
      total += ns
      split.classNs[operatorClasses.indexOf(operator.class)]! += ns
      split.resourceNs[0]! += compute
      split.resourceNs[1]! += ns - compute
      split.provenanceNs[provenances.indexOf(latency.provenance)]! += ns
    }
    for (const call of this.collectives) {
      const ns = call.repeat * this.network!.collectiveNs(call.collective, call.ranks, rows * call.bytesPerRow)
      total += ns
      split.classNs[collectiveClass]! += ns
      split.resourceNs[linkResource]! += ns
      split.provenanceNs[provenances.indexOf(this.network!.provenance)]! += ns
    }
    this.splits[rows] = split
    this.totalNs[rows] = total
    return total
  }
}

/**
 * How often each step shape was priced: enough to say at the end where the time went, at the cost of two increments a step.
 */
export class StepUsage {
  private readonly stepsByTokens: Float64Array
  private readonly stepsBySequences: Float64Array
  private decodeAttentionNs = 0
  private extrapolatedDecodeNs = 0
  private readonly mixedAttentionNs = new Float64Array(provenances.length)
  private hostNs = 0
  /** Provenance of the mixed step priced last. */
  mixedProvenance: Provenance = 'analytic'

  constructor(
    private readonly byTokens: RowTable,
    private readonly bySequences: RowTable,
    private readonly attention: AttentionLatency,
  ) {
    this.stepsByTokens = new Float64Array(byTokens.maxRows + 1)
    this.stepsBySequences = new Float64Array(bySequences.maxRows + 1)
  }

  /** The step that was priced last starts; `waitedNs` of its time the device waited for the host. */
  count(step: StepView, attentionNs: number, waitedNs: number): void {
    this.stepsByTokens[step.paddedTokens]!++
    this.stepsBySequences[step.sequences]!++
    this.hostNs += waitedNs
    if (step.prefills === 0) this.countDecode(step.decodeContextSum / step.decodes, attentionNs)
    else this.mixedAttentionNs[provenances.indexOf(this.mixedProvenance)]! += attentionNs
  }

  /** `steps` pure-decode steps of one shape, of which `step` is the first; entry j of `attentionNs` is the j-th. */
  countRun(step: StepView, steps: number, attentionNs: Float64Array, waitedNs: number): void {
    this.stepsByTokens[step.paddedTokens]! += steps
    this.stepsBySequences[step.sequences]! += steps
    this.hostNs += waitedNs
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
    this.fold(this.byTokens, this.stepsByTokens, summary)
    this.fold(this.bySequences, this.stepsBySequences, summary)
    const mixedNs = this.mixedAttentionNs.reduce((a, b) => a + b, 0)
    summary.classNs[attentionClass]! += this.decodeAttentionNs + mixedNs
    summary.classNs[hostClass]! += this.hostNs
    // Decode attention streams the KV cache; attention of a step with prefill is counted as arithmetic.
    summary.resourceNs[0]! += mixedNs
    summary.resourceNs[1]! += this.decodeAttentionNs
    summary.resourceNs[hostResource]! += this.hostNs
    for (let p = 0; p < provenances.length; p++) summary.provenanceNs[p]! += this.mixedAttentionNs[p]!
    summary.provenanceNs[provenances.indexOf(this.attention.decodeProvenance)]! += this.decodeAttentionNs - this.extrapolatedDecodeNs
    summary.provenanceNs[extrapolated]! += this.extrapolatedDecodeNs
    return summary
  }

  private fold(table: RowTable, steps: Float64Array, into: UsageSummary): void {
    for (let rows = 1; rows <= table.maxRows; rows++) {
      const n = steps[rows]!
      if (n === 0) continue
      addUsage(into, table.split(rows), n)
    }
  }
}

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
