import type { CollectiveCall, CollectiveRows, Operator, OperatorGraph } from './operators.js'
import { operatorClasses } from './operators.js'
import type { AttentionLatency, CompiledDevice, Provenance } from './points/device.js'
import { provenances } from './points/device.js'
import type { Network } from './points/network.js'
import type { RunPrice, StepCost, StepPrice, StepView } from './points/step-cost.js'
import type { SegmentPrice, Segments } from './points/timeline.js'

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
export class BaseStepCost implements StepCost, SegmentPrice {
  readonly reads = 'shape'
  readonly usage: StepUsage
  /** Of the last pipeline stage, and of those before it. */
  private readonly tables: StepTables
  private readonly ahead: readonly StepTables[]
  private readonly handover: Handover | undefined = undefined
  /** Decode rows by sequences, and for how many each was launched. */
  private readonly rows: (Float64Array | undefined)[] = []
  private readonly rowLaunched: number[] = []
  /** The same where sequences verify drafts, by sequences and drafts. */
  private readonly verifyRows: { row: Float64Array; launched: number }[][] = []
  private readonly attention: AttentionLatency
  private readonly grid: Float64Array
  private readonly attentionRepeat: number
  /** Grid cell of the last decode lookup: contexts grow slowly, so the next one is nearly always in it or the next. */
  private cell = 0

  /**
   * @param stages operators of each pipeline stage, first to last
   * @param replicas that step together and share the experts; 1 where each steps alone
   * @param betweenNodes hand-overs, by the stage they leave: 1 where they go to another node
   */
  constructor(
    stages: readonly OperatorGraph[],
    device: CompiledDevice,
    network: Network | undefined,
    maxTokens: number,
    maxSequences: number,
    replicas: number,
    betweenNodes: Uint8Array = new Uint8Array(stages.length - 1),
  ) {
    const table = (maxRows: number) => new RowTable(maxRows, device, network)
    const tables = stages.map((graph) =>
      fill(graph, {
        tokens: table(maxTokens),
        sequences: table(maxSequences),
        experts: table(maxTokens * replicas),
        peers: table(maxTokens),
      }),
    )
    this.tables = tables.at(-1)!
    this.ahead = tables.slice(0, -1)
    const bytes = stages[0]!.handoverBytesPerToken ?? 0
    if (stages.length > 1) this.handover = new Handover(network, bytes, betweenNodes, maxTokens)
    const attentions = stages.flatMap((graph) => graph.operators.filter((operator) => operator.kind === 'attention'))
    this.attention = device.attention
    this.grid = device.attention.contextTokens
    this.attentionRepeat = attentions.reduce((sum, { repeat }) => sum + repeat, 0)
    this.usage = new StepUsage(tables, device.attention)
  }

  price(step: StepView, _startNs: number, out: StepPrice): void {
    this.priceFixed(step, out)
    out.attentionNs = step.prefills === 0 ? this.decodeNs(this.rowOf(step), step.decodeContextSum / step.decodes) : this.mixedNs(step)
  }

  priceRun(step: StepView, count: number, _startNs: number, out: RunPrice): void {
    this.priceFixed(step, out)
    const { attentionNs } = out
    const { decodes } = step
    const row = this.row(step)
    let contextSum = step.decodeContextSum
    for (let j = 0; j < count; j++) {
      attentionNs[j] = this.decodeNs(row, contextSum / decodes)
      contextSum += decodes
    }
  }

  /** What `price` sums up, by the resource that takes it. */
  segments(step: StepView, out: Segments): void {
    const { tokens, sequences, experts, peers } = this.tables
    const { decodes } = step
    const context = decodes === 0 ? 0 : step.decodeContextSum / decodes
    const { paddedTokens, logitRows, expertTokens, peerTokens } = step
    const flows = flowsOf(step)
    out.linkNs =
      tokens.collectiveNs(paddedTokens) +
      sequences.collectiveNs(logitRows) +
      experts.collectiveNs(expertTokens) +
      peers.collectiveNs(peerTokens)
    out.deviceNs = tokens.ns(paddedTokens) + sequences.ns(logitRows) + experts.ns(expertTokens) + peers.ns(peerTokens) - out.linkNs
    if (flows > 0) out.linkNs += flows * linkNs(step, this.tables)
    out.besideNs = decodes === 0 ? 0 : this.attentionRepeat * (this.attention.besideNs?.(decodes, context) ?? 0)
    // Prompts are attended to on the device while another resource takes the decodes.
    if (this.attention.besideNs !== undefined && step.prefills > 0) out.attentionNs = this.attentionRepeat * this.prefillNs(step)
    else out.attentionNs = (step.prefills === 0 ? this.decodeNs(this.rowOf(step), context) : this.mixedNs(step)) - out.besideNs
  }

  private prefillNs({ prefillTokens, prefillWork }: StepView): number {
    return this.attention.mixedNs(prefillTokens, prefillWork / prefillTokens - prefillTokens / 2, 0, 0).ns
  }

  private priceFixed(step: StepView, out: StepPrice | RunPrice): void {
    const { ahead, handover } = this
    out.fixedNs = this.fixedNs(step, this.tables)
    out.hostNs = 0
    if (handover === undefined) return
    const before = out.ahead!
    handover.price(step.paddedTokens, before.handoverNs)
    for (let s = 0; s < ahead.length; s++) before.fixedNs[s] = this.fixedNs(step, ahead[s]!)
  }

  private fixedNs(step: StepView, tables: StepTables): number {
    const { tokens, sequences, experts, peers } = tables
    const alone = tokens.ns(step.paddedTokens) + sequences.ns(step.logitRows) + experts.ns(step.expertTokens) + peers.ns(step.peerTokens)
    // Each flow takes as much of a link as a collective does.
    const flows = flowsOf(step)
    return flows === 0 ? alone : alone + flows * linkNs(step, tables)
  }

  /** How long collectives keep the links busy in a priced step, on all stages together and without flows. */
  linkNs(step: StepView): number {
    let sum = linkNs(step, this.tables)
    for (const tables of this.ahead) sum += linkNs(step, tables)
    return sum
  }

  /** Whether collectives and flows can meet. */
  get meetsFlows(): boolean {
    return [this.tables, ...this.ahead].some((tables) => Object.values(tables).some((table) => table.meetsFlows))
  }

  private rowOf(step: StepView): Float64Array {
    return step.draftTokens === 0 ? this.row(step) : this.verifyRow(step)
  }

  /** Without a device's word on it, verifying takes attention as long as one token of each sequence does: the KV cache is read once. */
  private verifyRow(step: StepView): Float64Array {
    const { decodes, draftTokens, paddedSequences } = step
    const { attention } = this
    if (attention.verifyRowNs === undefined) return this.row(step)
    const known = this.verifyRows[decodes]?.[draftTokens]
    if (known !== undefined && known.launched === paddedSequences) return known.row
    const row = attention.verifyRowNs(decodes, paddedSequences, 1 + draftTokens / decodes)
    this.verifyRows[decodes] ??= []
    this.verifyRows[decodes]![draftTokens] = { row, launched: paddedSequences }
    return row
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
    const decodeContext = decodes === 0 ? 0 : step.decodeContextSum / decodes
    const latency = this.attention.mixedNs(prefillTokens, context, decodes, decodeContext)
    this.usage.mixedProvenance = latency.provenance
    const ns = this.attentionRepeat * latency.ns
    if (step.draftTokens === 0) return ns
    // Tokens to verify beside prompts cost what they cost beside none.
    return ns + Math.max(0, this.decodeNs(this.verifyRow(step), decodeContext) - this.decodeNs(this.row(step), decodeContext))
  }
}

/** What a step's counts are looked up in. */
interface StepTables {
  tokens: RowTable
  sequences: RowTable
  /** Experts, by the tokens of all replicas that share them. */
  experts: RowTable
  /** Collectives of those replicas, by the tokens of the one that has most. */
  peers: RowTable
}

/** On the links of the step's collectives. */
function flowsOf({ links }: StepView): number {
  return links === undefined ? 0 : links.flows
}

function linkNs(step: StepView, { tokens, sequences, peers }: StepTables): number {
  return tokens.linkNs(step.paddedTokens) + sequences.linkNs(step.logitRows) + peers.linkNs(step.peerTokens)
}

/** Sorts a stage's operators and collectives into its tables. */
function fill(graph: OperatorGraph, tables: StepTables): StepTables {
  const tableOf = (rows: CollectiveRows) => (rows === 'tokens' ? tables.tokens : rows === 'sequences' ? tables.sequences : tables.peers)
  for (const operator of graph.operators) {
    if (operator.kind === 'attention') continue
    const table = operator.kind === 'moe' ? tables.experts : tableOf(operator.rows)
    table.operators.push(operator)
  }
  for (const call of graph.collectives) tableOf(call.rows).collectives.push(call)
  for (const each of Object.values(tables)) each.seal()
  return tables
}

/** What a step's activations take from stage to stage, by tokens; priced when a count first occurs. */
class Handover {
  private readonly within: Float64Array
  private readonly between: Float64Array

  constructor(
    private readonly network: Network | undefined,
    private readonly bytesPerToken: number,
    private readonly betweenNodes: Uint8Array,
    maxTokens: number,
  ) {
    this.within = new Float64Array(maxTokens + 1).fill(Number.NaN)
    this.between = this.within.slice()
  }

  price(tokens: number, handoverNs: Float64Array): void {
    for (let s = 0; s < handoverNs.length; s++) handoverNs[s] = this.ns(tokens, this.betweenNodes[s] === 1)
  }

  private ns(tokens: number, betweenNodes: boolean): number {
    const prices = betweenNodes ? this.between : this.within
    const known = prices[tokens]!
    if (!Number.isNaN(known)) return known
    const bytes = tokens * this.bytesPerToken
    const ns = bytes === 0 ? 0 : this.network!.transferNs(bytes, betweenNodes)
    prices[tokens] = ns
    return ns
  }
}

/**
 * Latency by row count, in all and split by operator class, resource and provenance. A row count is priced when it first occurs: a run
 * meets a small part of them.
 */
class RowTable {
  readonly operators: Exclude<Operator, { kind: 'attention' }>[] = []
  readonly collectives: CollectiveCall[] = []
  /** Whether anything is priced by this count. */
  private used = false
  private totalNs = new Float64Array(0)
  /** How many steps had so many rows. */
  private steps = new Float64Array(0)
  private readonly splits: UsageSummary[] = []
  private busyNs: Float64Array | undefined

  constructor(
    private readonly maxRows: number,
    private readonly device: CompiledDevice,
    private readonly network: Network | undefined,
  ) {}

  /** All operators and collectives are in. */
  seal(): void {
    this.used = this.operators.length + this.collectives.length > 0
    this.totalNs = new Float64Array(this.used ? this.maxRows + 1 : 0).fill(Number.NaN)
    this.steps = new Float64Array(this.totalNs.length)
    this.totalNs[0] = 0
  }

  ns(rows: number): number {
    if (!this.used) return 0
    const known = this.totalNs[rows]!
    return Number.isNaN(known) ? this.price(rows) : known
  }

  get meetsFlows(): boolean {
    return this.collectives.length > 0 && this.network?.collectiveLinkNs !== undefined
  }

  /** What collectives have of `ns`. */
  collectiveNs(rows: number): number {
    if (this.collectives.length === 0 || rows === 0) return 0
    this.ns(rows)
    return this.splits[rows]!.classNs[collectiveClass]!
  }

  /** How long collectives of so many rows keep the links busy. */
  linkNs(rows: number): number {
    if (rows === 0 || !this.meetsFlows) return 0
    this.busyNs ??= new Float64Array(this.maxRows + 1).fill(Number.NaN)
    const known = this.busyNs[rows]!
    if (!Number.isNaN(known)) return known
    let busyNs = 0
    for (const { collective, ranks, repeat, bytesPerRow } of this.collectives) {
      busyNs += repeat * this.network!.collectiveLinkNs!(collective, ranks, rows * bytesPerRow)
    }
    this.busyNs[rows] = busyNs
    return busyNs
  }

  count(rows: number, steps: number): void {
    if (this.used) this.steps[rows]! += steps
  }

  /** Adds the time of all counted steps. */
  fold(into: UsageSummary): void {
    for (let rows = 1; rows < this.steps.length; rows++) {
      if (this.steps[rows]! > 0) addUsage(into, this.splits[rows]!, this.steps[rows]!)
    }
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
