// LEAD: read /tmp/brief/straggler-findings.md before going on (then delete this line).
import { finishTime, type Launch, type Machine } from './list-schedule.js'

/** Cells between mean ÷ longest = 0 and 1. The extra time is nearly linear in it; 32 cells are within 2 % of the longest extra time. */
const cells = 32

/** Where the longest sequence lies in the batch is not known: the mean over this many places, evenly spread. */
const places = 4

/**
 * Extra time of a decode kernel over that of a batch of equal contexts, by (sequences, mean ÷ longest context). Of the contexts, the
 * longest and the mean are known: one sequence has the longest, the others share the rest equally. Entries are worked out when they are
 * first needed.
 */
export class StragglerTable {
  private readonly rows: (Float64Array | undefined)[] = []

  constructor(
    private readonly machine: Machine,
    private readonly kvHeads: number,
  ) {}

  /**
   * @param sequences ≥ 1
   * @param meanOverLongest 0–1
   * @returns in units of the longest context × what saturated memory needs for one token of one KV head; linear between entries
   */
  extra(sequences: number, meanOverLongest: number): number {
    let row = this.rows[sequences]
    if (row === undefined) {
      row = new Float64Array(cells + 1).fill(Number.NaN)
      this.rows[sequences] = row
    }
    const at = meanOverLongest * cells
    const cell = Math.min(cells - 1, Math.floor(at))
    const low = this.entry(row, sequences, cell)
    return low + (this.entry(row, sequences, cell + 1) - low) * (at - cell)
  }

  private entry(row: Float64Array, sequences: number, cell: number): number {
    const known = row[cell]!
    if (known === known) return known
    const value = oneLongest(sequences, cell / cells, this.kvHeads, this.machine)
    row[cell] = value
    return value
  }
}

/**
 * @param mean with the longest context as 1
 * @returns finish time of one longest context among equal ones, less that of as many contexts of the mean
 */
export function oneLongest(sequences: number, mean: number, kvHeads: number, machine: Machine): number {
  const rest = sequences > 1 ? Math.max(0, (sequences * mean - 1) / (sequences - 1)) : 1
  let sum = 0
  for (let place = 0; place < places; place++) {
    const before = Math.floor(((place + 0.5) / places) * sequences)
    sum += finishTime(withOneLongest(before, sequences - 1 - before, rest, kvHeads), machine)
  }
  return sum / places - finishTime({ tokens: [mean], count: [sequences * kvHeads] }, machine)
}

/** In each head, `before` blocks of `rest` tokens, one of 1, and `behind` of `rest`. */
function withOneLongest(before: number, behind: number, rest: number, kvHeads: number): Launch {
  const tokens: number[] = []
  const count: number[] = []
  for (let head = 0; head < kvHeads; head++) {
    tokens.push(rest, 1)
    count.push(head === 0 ? before : behind + before, 1)
  }
  tokens.push(rest)
  count.push(behind)
  return { tokens, count }
}
