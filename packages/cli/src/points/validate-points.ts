import { resolve } from 'node:path'
import { loadScenario } from '@servesim/config'
import { ServesimError, type Simulation, type SimulationResult } from '@servesim/core'
import { listSystems, type SystemTables } from '@servesim/profile/node'
import { builtIn, ownFolder } from '../prepare-run.js'
import { coreRows } from './core-rows.js'
import { readSiliconRows, type SiliconRow } from './silicon-csv.js'
import { type PointContext, simulatePoint } from './simulate-point.js'

export interface PointsOptions {
  cwd: string
  /** Folder of the operator tables. */
  tables: string
  engine?: string | undefined
  limit?: number | undefined
  plugins?: readonly string[]
  run?(simulation: Simulation): void
  /** After each row, for progress. */
  onRow?(done: number, total: number): void
}

/** One row; a refused one has a reason and no figures. */
export interface PointRow {
  id: string
  model: string
  system: string
  measuredTtftMs: number
  measuredTpotMs: number
  ttftMs: number | null
  tpotMs: number | null
  ttftErrorPct: number | null
  tpotErrorPct: number | null
  /** Share of device time, 0–1, of latencies beyond what was measured or not measured at all. */
  extrapolatedShare: number | null
  refused: string | null
}

/** Mean and median absolute error, and mean signed error, percent. */
export interface ErrorSummary {
  mean: number
  median: number
  bias: number
}

export interface PointGroup {
  name: string
  rows: number
  refused: number
  ttft: ErrorSummary | null
  tpot: ErrorSummary | null
}

export interface PointsValidation {
  rows: PointRow[]
  groups: PointGroup[]
  /** How many rows were refused for which reason. */
  refusals: { reason: string; rows: number }[]
}

/**
 * Replays measured serving points as their benchmarks ran them, on bundles made from the operator tables of each row's system.
 * @throws ServesimError where the file or the tables cannot be read; a row that cannot be simulated is refused, not an error
 */
export async function validatePoints(csv: string, options: PointsOptions): Promise<PointsValidation> {
  const folder = resolve(options.cwd, options.tables)
  if (listSystems(folder).length === 0)
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      folder,
      'No system’s tables lie here.',
      'Name the folder that holds the .yaml file and the tables of each system.',
    )
  const all = readSiliconRows(resolve(options.cwd, csv)).filter((row) => options.engine === undefined || row.backend === options.engine)
  const rows = options.limit === undefined ? all : all.slice(0, options.limit)
  const { registry, plugins } = await loadScenario({
    path: undefined,
    cwd: ownFolder,
    defaults: {},
    builtIn,
    plugins: options.plugins ?? [],
    ownFolder,
  })
  const context: PointContext = {
    registry,
    plugins,
    folder,
    opened: new Map<string, SystemTables>(),
    ...(options.run !== undefined && { run: options.run }),
  }
  const points: { row: SiliconRow; group: string; point: PointRow }[] = []
  for (const row of rows) {
    const simulated = await simulatePoint(row, context)
    points.push(
      typeof simulated === 'string'
        ? { row, group: '', point: refusedRow(row, simulated) }
        : { row, group: simulated.protocol.group, point: simulatedRow(row, simulated.result, simulated.outsideMs) },
    )
    options.onRow?.(points.length, rows.length)
  }
  return { rows: points.map(({ point }) => point), groups: groupsOf(points), refusals: refusalsOf(points.map(({ point }) => point)) }
}

function refusedRow(row: SiliconRow, refused: string): PointRow {
  const none = { ttftMs: null, tpotMs: null, ttftErrorPct: null, tpotErrorPct: null, extrapolatedShare: null }
  return { ...identity(row), ...none, refused }
}

function simulatedRow(row: SiliconRow, result: SimulationResult, outsideMs: number): PointRow {
  const mean = (metric: 'ttft' | 'tpot') => result.metrics.find((m) => m.metric === metric && m.stat === 'mean')!.value
  const ttftMs = mean('ttft') + outsideMs
  const tpotMs = mean('tpot')
  const { measured, interpolated, extrapolated, analytic } = result.timeByProvenance
  return {
    ...identity(row),
    ttftMs,
    tpotMs,
    ttftErrorPct: 100 * (ttftMs / row.ttftMs - 1),
    tpotErrorPct: 100 * (tpotMs / row.tpotMs - 1),
    extrapolatedShare: (extrapolated + analytic) / (measured + interpolated + extrapolated + analytic),
    refused: null,
  }
}

function identity({ id, model, system, ttftMs, tpotMs }: SiliconRow) {
  return { id, model, system, measuredTtftMs: ttftMs, measuredTpotMs: tpotMs }
}

/** Everything; the core rows; and by model, system, number format and benchmark. */
function groupsOf(points: readonly { row: SiliconRow; group: string; point: PointRow }[]): PointGroup[] {
  const core = new Set(coreRows(points.map(({ row }) => row)))
  const names = new Map<string, PointRow[]>()
  const add = (name: string, point: PointRow) => {
    const members = names.get(name)
    if (members === undefined) names.set(name, [point])
    else members.push(point)
  }
  for (const { row, group, point } of points) {
    add('all', point)
    if (core.has(row)) add('core', point)
    const format = row.gemmQuantisation || 'as published'
    if (group !== '') add(`${row.model} ${format}, ${row.system}, ${group}`, point)
  }
  return [...names].map(([name, members]) => ({
    name,
    rows: members.length,
    refused: members.filter(({ refused }) => refused !== null).length,
    ttft: summaryOf(members.flatMap(({ ttftErrorPct }) => ttftErrorPct ?? [])),
    tpot: summaryOf(members.flatMap(({ tpotErrorPct }) => tpotErrorPct ?? [])),
  }))
}

function summaryOf(errors: readonly number[]): ErrorSummary | null {
  if (errors.length === 0) return null
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const absolute = errors.map(Math.abs).sort((a, b) => a - b)
  const middle = (absolute.length - 1) / 2
  return { mean: mean(absolute), median: (absolute[Math.floor(middle)]! + absolute[Math.ceil(middle)]!) / 2, bias: mean(errors) }
}

function refusalsOf(rows: readonly PointRow[]): { reason: string; rows: number }[] {
  const counts = new Map<string, number>()
  for (const { refused } of rows) if (refused !== null) counts.set(refused, (counts.get(refused) ?? 0) + 1)
  return [...counts].map(([reason, count]) => ({ reason, rows: count })).sort((a, b) => b.rows - a.rows)
}
