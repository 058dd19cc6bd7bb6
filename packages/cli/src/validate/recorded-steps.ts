import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServesimError, type SimulationResult } from '@servesim/core'

/** Mean time of a step on both sides, ms. */
export interface MeanStep {
  measuredMs: number
  simulatedMs: number
  errorPct: number
  /** Steps of the recording and of the simulation. */
  measured: number
  simulated: number
}

/** Undefined where the recording has no `steps.jsonl`. @throws ServesimError SERVESIM_BAD_FILE */
export function meanStep(recording: string, { steps, timeByClass }: SimulationResult): MeanStep | undefined {
  const file = join(recording, 'steps.jsonl')
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
  if (lines.length === 0) throw bad(file, 'It holds no step.')
  const durationsS = lines.map((line, i) => durationOf(line, `${file}:${i + 1}`))
  const measuredMs = (durationsS.reduce((a, b) => a + b, 0) / lines.length) * 1e3
  const simulatedMs = (Object.values(timeByClass).reduce((a, b) => a + b, 0) / steps.total) * 1e3
  return { measuredMs, simulatedMs, errorPct: (simulatedMs / measuredMs - 1) * 100, measured: lines.length, simulated: steps.total }
}

function durationOf(line: string, where: string): number {
  try {
    const { start, end } = JSON.parse(line) as { start?: unknown; end?: unknown }
    if (typeof start === 'number' && typeof end === 'number' && end > start) return end - start
  } catch {
    // Said below.
  }
  throw bad(where, 'The line is no step; expected {"start":…,"end":…} in seconds.')
}

function bad(path: string, message: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_FILE', path, message, 'The recording is cut off or from another tool.')
}
