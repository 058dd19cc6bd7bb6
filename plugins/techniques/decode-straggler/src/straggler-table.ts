import { decodeLaunch, finishTime, type Machine, saturatedTime } from './list-schedule.js'

/** Cells between mean ÷ longest = 0 and 1. */
const cells = 32

/** Where the longest sequence lies in the batch is not known: the mean over this many places, evenly spread. */
const places = 2

/** Deviations of the other contexts from their mean, in units of `spread`, a quarter of the batch each. */
const levels = [-0.75, 0.25, -0.25, 0.75] as const

/**
 * Contexts of a batch differ, and it matters that they do: waves of equal blocks would end together and leave slots idle that unequal
 * ones fill. Quarters at ±0.15 and ±0.45 of the mean are enough for the waves to lose step.
 */
const spread = 0.6

/** Tables are pure functions of chip and model and take a millisecond to fill: simulations of one process share the latest ones. */
const shared = new Map<string, StragglerTable>()
const mostShared = 16

/** The table of a machine and the KV heads of one rank. */
export function stragglerTable(machine: Machine, kvHeads: number): StragglerTable {
  const key = `${machine.slots}/${machine.saturatingBlocks}/${kvHeads}`
  const known = shared.get(key)
  if (known !== undefined) return known
  if (shared.size === mostShared) shared.clear()
  const table = new StragglerTable(machine, kvHeads)
  shared.set(key, table)
  return table
}

/**
 * Extra time of a decode kernel over that of equal contexts, by (sequences, mean ÷ longest context). Only the longest and the mean are
 * known of a batch: one sequence has the longest context, the others lie around what that leaves. Entries are worked out when they are
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
   * @param meanOverLongest 0–1; at 1 there is no extra time
   * @returns in units of the longest context × what saturated memory needs for one token of one KV head; linear between entries
   */
  extra(sequences: number, meanOverLongest: number): number {
    let row = this.rows[sequences]
    if (row === undefined) {
      row = new Float64Array(cells + 1).fill(Number.NaN)
      row[cells] = 0
      this.rows[sequences] = row
    }
    const at = meanOverLongest * cells
    const cell = Math.min(cells - 1, Math.floor(at))
    const low = this.entry(row, sequences, cell)
    return low + (this.entry(row, sequences, cell + 1) - low) * (at - cell)
  }

  private entry(row: Float64Array, sequences: number, cell: number): number {
    const known = row[cell]!
    if (!Number.isNaN(known)) return known
    const value = extraTime(sequences, cell / cells, this.kvHeads, this.machine)
    row[cell] = value
    return value
  }
}

/**
 * @param mean with the longest context as 1
 * @returns what the kernel takes beyond saturating memory to the end, as a batch of equal contexts nearly does
 */
function extraTime(sequences: number, mean: number, kvHeads: number, machine: Machine): number {
  const others = sequences > 1 ? Math.max(0, (sequences * mean - 1) / (sequences - 1)) : 0
  const reach = Math.min(spread * others, 1 - others)
  let sum = 0
  for (let place = 0; place < places; place++) {
    const longest = Math.floor(((place + 0.5) / places) * sequences)
    const contexts = Array.from({ length: sequences }, (_, i) =>
      i === longest ? 1 : others + reach * levels[Math.floor((i * levels.length) / sequences)]!,
    )
    const launch = decodeLaunch(contexts, kvHeads)
    sum += finishTime(launch, machine) - saturatedTime(launch)
  }
  return sum / places
}
