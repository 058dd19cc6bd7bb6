import { equalBatchNs, type SplitKernel, splitsOf } from '@servesim/profile'
import { likelyContexts, shuffledRanks } from './batch-shape.js'
import { issueOrder, kernelNs } from './list-schedule.js'

/** Cells between mean ÷ longest = 0 and 1: the time of a batch is nearly linear in it. */
const cells = 16

/** Batches of these many sequences, and up to it of every number, are scheduled; between them the time is a line. */
const sizeStep = 8

/** Where the longest stands matters most: the mean over this many places of it, evenly spread, the others turned with it. */
const turns = 2

/** A batch for which the kernel is launched this large is never split. */
const neverSplit = Number.MAX_SAFE_INTEGER

/**
 * What decode attention of one layer takes because contexts differ, over a batch of equal contexts with the same mean. Worked out block
 * by block for likely contexts, entry by entry when first needed; a lookup is a few operations.
 */
export class StragglerTable {
  /** By parts per sequence, then by sequences. */
  private readonly rows: StragglerRow[][] = []
  private readonly times: Float64Array[][] = []
  /** Parts per sequence by launched size. */
  private readonly splits: number[] = []

  constructor(readonly kernel: SplitKernel) {}

  /** @param launched sequences the kernel is launched for, padding included */
  decodeRow(decodes: number, launched: number): StragglerRow {
    const splits = this.splits[launched] ?? splitsOf(this.kernel, launched)
    this.splits[launched] = splits
    return this.row(decodes, splits, launched)
  }

  /** Beside prefill the kernel splits no sequence. */
  mixedRow(decodes: number): StragglerRow {
    return this.row(decodes, 1, neverSplit)
  }

  private row(decodes: number, splits: number, launched: number): StragglerRow {
    let rows = this.rows[splits]
    if (rows === undefined) {
      rows = []
      this.rows[splits] = rows
    }
    let row = rows[decodes]
    if (row === undefined) {
      row = new StragglerRow(this, decodes, splits, equalBatchNs(this.kernel, decodes, launched, 1))
      rows[decodes] = row
    }
    return row
  }

  /** @returns ns of a batch whose longest context is one token, at mean = cell ÷ cells of it */
  time(sequences: number, splits: number, cell: number): number {
    let bySize = this.times[splits]
    if (bySize === undefined) {
      bySize = []
      this.times[splits] = bySize
    }
    let times = bySize[sequences]
    if (times === undefined) {
      times = new Float64Array(cells + 1).fill(Number.NaN)
      bySize[sequences] = times
    }
    if (Number.isNaN(times[cell])) times[cell] = meanKernelNs(likelyContexts(sequences, cell / cells), splits, this.kernel)
    return times[cell]!
  }
}

/** A batch size of the table: extra time by mean ÷ longest context. */
class StragglerRow {
  private readonly entries = new Float64Array(cells + 1).fill(Number.NaN)
  private readonly low: number
  private readonly high: number

  constructor(
    private readonly table: StragglerTable,
    private readonly decodes: number,
    private readonly splits: number,
    /** Time of the equal batch per token of mean context. */
    private readonly equalNs: number,
  ) {
    this.low = decodes <= sizeStep ? decodes : decodes - (decodes % sizeStep)
    this.high = this.low === decodes ? decodes : this.low + sizeStep
    // Equal contexts are what the device's own latency stands for.
    this.entries[cells] = 0
  }

  /**
   * @param mean of the contexts, tokens, 0–`longest`
   * @returns ns per layer, linear in mean ÷ longest between entries; negative where unequal blocks fill what waves of equal ones leave idle
   */
  extraNs(mean: number, longest: number): number {
    const at = (mean / longest) * cells
    const cell = Math.min(cells - 1, Math.floor(at))
    const below = this.entry(cell)
    return longest * (below + (this.entry(cell + 1) - below) * (at - cell))
  }

  private entry(cell: number): number {
    const known = this.entries[cell]!
    if (!Number.isNaN(known)) return known
    const { table, decodes, splits, low, high } = this
    let time = table.time(low, splits, cell)
    if (high > low) time += ((table.time(high, splits, cell) - time) * (decodes - low)) / (high - low)
    const entry = time - (this.equalNs * cell) / cells
    this.entries[cell] = entry
    return entry
  }
}

/** Mean over the orders in which the sequences may stand. */
function meanKernelNs(ascending: Float64Array, splits: number, kernel: SplitKernel): number {
  const { length } = ascending
  const ranks = shuffledRanks(length)
  const longest = ranks.indexOf(length - 1)
  const contexts = new Float64Array(length)
  let sum = 0
  for (let turn = 0; turn < turns; turn++) {
    const by = Math.floor(((turn + 0.5) / turns) * length) - longest + length
    for (let i = 0; i < length; i++) contexts[(i + by) % length] = ascending[ranks[i]!]!
    sum += kernelNs(issueOrder(contexts, kernel.kvHeads, splits), kernel)
  }
  return sum / turns
}

/** Tables follow from chip and model alone and take some milliseconds to fill: the simulations of a process share the latest ones. */
const shared = new Map<string, StragglerTable>()
const mostShared = 16

export function stragglerTable(kernel: SplitKernel): StragglerTable {
  const { multiprocessors, kvHeads, blockNs, sharedNs } = kernel
  const key = [multiprocessors, kvHeads, blockNs, sharedNs].join()
  const known = shared.get(key)
  if (known !== undefined) return known
  if (shared.size === mostShared) shared.clear()
  const table = new StragglerTable(kernel)
  shared.set(key, table)
  return table
}
