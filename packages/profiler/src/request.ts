import type { Model } from '@servesim/core'
import type { RepeatPolicy } from './measure.js'
import type { ProfileLimits } from './plan.js'
import type { ProbeTimeouts } from './probe.js'
import type { ProbeCommand } from './probe-command.js'

/** What to measure, how well, and where to put it. */
export interface ProfileRequest {
  /** Name of the device in the bundle. */
  device: string
  model: Model
  /** Goes into the bundle, for a model that no catalogue has. */
  modelConfig?: Record<string, unknown> | undefined
  /** Element type that the probe is asked for; absent: the model's, or what the probe offers first. */
  dtype?: string | undefined
  tensorParallel: readonly number[]
  limits: ProfileLimits
  probe: ProbeCommand
  /** The probe as the user wrote it. */
  probeName: string
  timeouts: ProbeTimeouts
  repeats?: RepeatPolicy
  /** Folder of the bundle. What is under way lies beside it, in `<output>.profiling`. */
  output: string
  /** A bundle that lies there is replaced once the new one is complete. */
  replace: boolean
  /** Drops what an interrupted run measured. */
  fresh: boolean
  /** A point at which the probe fails twice is left out instead of ending the run. */
  skipFaulty: boolean
  /** Refinement ends when no left-out point is further off than its noise and this. */
  targetErrorPct: number
  /** Refinement ends with it; a plan that it cuts short goes on in the next run. Absent: until the target is reached. */
  budgetMs?: number | undefined
  /** Release of servesim, for the bundle. */
  release: string
  onProgress?(progress: ProfileProgress): void
  onNote?(sentence: string): void
  signal?: AbortSignal | undefined
}

export interface ProfileProgress {
  done: number
  /** Points planned so far; refinement adds to them. */
  planned: number
  /** Rough: by the last points. */
  leftMs: number | undefined
  /** The point that is next. */
  now: string
  /** 0: the plan; 1…: rounds of refinement. */
  round: number
}

export interface ProfileResult {
  folder: string
  /** Points measured in this run, and taken over from an interrupted one. */
  measured: number
  resumed: number
  skipped: { name: string; why: string }[]
  /** Over left-out points, percent. */
  error: { points: number; medianPct: number; p90Pct: number; worstPct: number }
  /** Half width of the medians' 95 % intervals, percent. */
  noise: { medianPct: number; p90Pct: number }
  outliers: number
  repeats: number
  throttled: number
  /** Points that a longer budget would have added. */
  unrefined: number
  tookMs: number
}
