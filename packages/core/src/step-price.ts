import { Handover } from './handover.js'
import type { OperatorGraph } from './operators.js'
import type { AttentionLatency, CompiledDevice } from './points/device.js'
import type { Network } from './points/network.js'
import type { RunPrice, StepCost, StepPrice, StepView } from './points/step-cost.js'
import type { SegmentPrice, Segments } from './points/timeline.js'
import { fillTables, flowsOf, linkNs, RowTable, type StepTables } from './row-table.js'
import { StepUsage } from './step-usage.js'

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
      fillTables(graph, {
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
