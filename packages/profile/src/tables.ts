import { type CollectiveKind, ServesimError } from '@servesim/core'
import type { AttentionSamples, CollectiveSamples, MoeSamples, OperatorSamples } from './bundle.js'
import type { CsvTable } from './csv.js'

/** Column names of the tables; a layout of another profiler has its own. */
export interface TableColumns {
  operator: string
  tokens: string
  sequences: string
  newTokens: string
  context: string
  decodes: string
  decodeContext: string
  prompts: string
  activatedExperts: string
  collective: string
  ranks: string
  bytes: string
  latency: string
}

/** This package's own names. */
export const bundleColumns: TableColumns = {
  operator: 'operator',
  tokens: 'tokens',
  sequences: 'sequences',
  newTokens: 'new_tokens',
  context: 'context',
  decodes: 'decodes',
  decodeContext: 'decode_context',
  prompts: 'prompts',
  activatedExperts: 'activated_experts',
  collective: 'collective',
  ranks: 'ranks',
  bytes: 'bytes',
  latency: 'latency_us',
}

const collectiveKinds: readonly CollectiveKind[] = ['all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all']

/** @param rows the column that counts the rows: tokens or sequences */
export function operatorSamples(table: CsvTable, rows: string, columns: TableColumns): OperatorSamples[] {
  const count = table.numbers(rows)
  const latencyUs = table.numbers(columns.latency)
  return [...groups(table.text(columns.operator))].map(([operator, members]) => {
    const sorted = ascending(members, count)
    return { operator, rows: pick(count, sorted), latencyUs: pick(latencyUs, sorted) }
  })
}

/** @param keep rows to take; absent: all */
export function attentionSamples(table: CsvTable, columns: TableColumns, keep?: readonly number[]): AttentionSamples {
  const column = (name: string) => (keep === undefined ? table.numbers(name) : pick(table.numbers(name), keep))
  return {
    newTokens: column(columns.newTokens),
    context: column(columns.context),
    decodes: column(columns.decodes),
    decodeContext: column(columns.decodeContext),
    latencyUs: column(columns.latency),
    ...(table.header.includes(columns.prompts) && { prompts: column(columns.prompts) }),
  }
}

export function moeSamples(table: CsvTable, columns: TableColumns): MoeSamples {
  return {
    tokens: table.numbers(columns.tokens),
    activatedExperts: table.numbers(columns.activatedExperts),
    latencyUs: table.numbers(columns.latency),
  }
}

/** Kinds are accepted with `_` or `-`. */
export function collectiveSamples(table: CsvTable, columns: TableColumns, path: string): CollectiveSamples[] {
  const ranks = table.numbers(columns.ranks)
  const bytes = table.numbers(columns.bytes)
  const latencyUs = table.numbers(columns.latency)
  const keys = table.text(columns.collective).map((kind, row) => `${kind.replaceAll('_', '-')} ${ranks[row]}`)
  return [...groups(keys)].map(([key, members]) => {
    const kind = collectiveKinds.find((known) => known === key.split(' ')[0])
    if (kind === undefined)
      throw new ServesimError(
        'SERVESIM_BAD_BUNDLE',
        `${path}:${members[0]! + 2}`,
        `Unknown collective "${key.split(' ')[0]}".`,
        `Expected ${collectiveKinds.join(', ')}.`,
      )
    const sorted = ascending(members, bytes)
    return { collective: kind, ranks: ranks[members[0]!]!, bytes: pick(bytes, sorted), latencyUs: pick(latencyUs, sorted) }
  })
}

/** Rows by key, keys in the order of their first row. */
function groups(keys: readonly string[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  keys.forEach((key, row) => {
    const members = found.get(key)
    if (members === undefined) found.set(key, [row])
    else members.push(row)
  })
  return found
}

/** Members by ascending value; of equal values the first row counts. */
function ascending(members: readonly number[], values: Float64Array): number[] {
  const sorted = members.toSorted((a, b) => values[a]! - values[b]! || a - b)
  return sorted.filter((row, i) => i === 0 || values[row] !== values[sorted[i - 1]!])
}

function pick(values: Float64Array, rows: readonly number[]): Float64Array {
  return Float64Array.from(rows, (row) => values[row]!)
}
