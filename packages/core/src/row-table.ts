import { type CollectiveCall, type CollectiveRows, type Operator, type OperatorGraph, operatorClasses } from './operators.js'
import { type CompiledDevice, provenances } from './points/device.js'
import type { Network } from './points/network.js'
import type { StepView } from './points/step-cost.js'
import { addUsage, emptyUsage, resources, type UsageSummary } from './usage-summary.js'

const collectiveClass = operatorClasses.indexOf('collective')
const linkResource = resources.indexOf('link')

/**
 * Latency by row count, in all and split by operator class, resource and provenance. A row count is priced when it first occurs: a run
 * meets a small part of them.
 */
export class RowTable {
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

/** What a step's counts are looked up in. */
export interface StepTables {
  tokens: RowTable
  sequences: RowTable
  /** Experts, by the tokens of all replicas that share them. */
  experts: RowTable
  /** Collectives of those replicas, by the tokens of the one that has most. */
  peers: RowTable
}

/** On the links of the step's collectives. */
export function flowsOf({ links }: StepView): number {
  return links === undefined ? 0 : links.flows
}

export function linkNs(step: StepView, { tokens, sequences, peers }: StepTables): number {
  return tokens.linkNs(step.paddedTokens) + sequences.linkNs(step.logitRows) + peers.linkNs(step.peerTokens)
}

/** Sorts a stage's operators and collectives into its tables. */
export function fillTables(graph: OperatorGraph, tables: StepTables): StepTables {
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
