import { forEachPool } from '@servesim/config'
import { createSimulation, ServesimError, type SimulationInput } from '@servesim/core'
import { compare, errorSummary } from '@servesim/report'
import { measuredFigures, type RecordedRequest } from '../validate/recorded-requests.js'
import { type PreparedReplay, prepareReplay, type ValidateOptions } from '../validate/validate-run.js'
import { type Calibration, calibratedTechniques } from './calibration.js'
import { minimise } from './minimise.js'

/** Fewer say nothing about a percentile. */
const fewestRequests = 12
const evaluations = 160
/** With so many runs whole ones are held out, else every third request of each. */
const fewestRuns = 3

/** A run and which of its requests count for the fit. */
interface Sample {
  name: string
  replay: PreparedReplay
  /** In order of arrival, as the trace replays them. */
  requests: RecordedRequest[]
  isHeldOut: (index: number) => boolean
}

/**
 * Fits host time and device efficiencies to recorded runs, on two thirds of them, and states the error on both parts.
 * @throws ServesimError SERVESIM_BAD_OPTION where there are too few requests
 */
export async function calibrate(runs: readonly string[], options: ValidateOptions): Promise<Calibration> {
  const samples: Sample[] = []
  for (const [i, name] of runs.entries()) {
    const replay = await prepareReplay(name, options)
    const requests = replay.recording.requests.toSorted((a, b) => a.arrivalS - b.arrivalS)
    const isHeldOut = runs.length >= fewestRuns ? () => i % 3 === 2 : (index: number) => index % 3 === 2
    samples.push({ name, replay, requests, isHeldOut })
  }
  const heldOutRequests = samples.reduce((sum, { requests, isHeldOut }) => sum + requests.filter((_, i) => isHeldOut(i)).length, 0)
  const requests = samples.reduce((sum, one) => sum + one.requests.length, 0) - heldOutRequests
  if (requests + heldOutRequests < fewestRequests)
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      'calibrate',
      `The runs hold ${requests + heldOutRequests} requests; expected ${fewestRequests} or more, a third of which is held out.`,
      'Record a longer run.',
    )
  const errorsAt = (techniques: Techniques) => {
    const errors = samples.map((sample) => errorsOf(sample, techniques))
    const mean = (part: 'fitted' | 'heldOut') => {
      const known = errors.flatMap((one) => one[part] ?? [])
      return known.reduce((a, b) => a + b, 0) / known.length
    }
    return { fitted: mean('fitted'), heldOut: mean('heldOut') }
  }
  const before = errorsAt(undefined)
  const { parameters } = minimise((tried) => errorsAt(techniquesOf(tried)).fitted, start, steps, evaluations)
  const after = errorsAt(techniquesOf(parameters))
  const heldOut = runs.length >= fewestRuns ? 'every third run' : 'every third request'
  const source = `calibrated on ${runs.length} recorded run${runs.length === 1 ? '' : 's'}, mean error ${after.fitted.toFixed(1)} % on what it was fitted to and ${after.heldOut.toFixed(1)} % on ${heldOut}, held out`
  const fitted = techniquesOf(parameters).map((one) => (one.use === 'device-efficiency' ? { ...one, source } : one))
  return {
    schemaVersion: 1,
    kind: 'servesim-calibration',
    techniques: fitted as Calibration['techniques'],
    fit: { runs: [...runs] as [string, ...string[]], heldOut, requests, heldOutRequests, beforePct: before, errorPct: after },
  }
}

type Techniques = Calibration['techniques'] | undefined

/** Logarithms of the two factors, and of the two host times in ms. */
const start = [0, 0, Math.log(0.5), Math.log(5)]
const steps = [0.15, 0.15, 1, 1]

function techniquesOf([operators = 0, attention = 0, decodeMs = 0, mixedMs = 0]: readonly number[]): Calibration['techniques'] {
  const round = (value: number) => Number(value.toPrecision(4))
  const factor = (logarithm: number) => round(Math.min(20, Math.max(0.05, Math.exp(logarithm))))
  const decodeStepMs = round(Math.min(1e3, Math.exp(decodeMs)))
  return [
    { use: 'host-time', decodeStepMs, mixedStepMs: Math.max(decodeStepMs, round(Math.min(1e4, Math.exp(mixedMs)))) },
    { use: 'device-efficiency', operatorFactor: factor(operators), attentionFactor: factor(attention) },
  ]
}

/** Mean absolute error over the figures of each part, percent; absent where a run has no request of that part. */
function errorsOf({ replay, requests, isHeldOut }: Sample, techniques: Techniques): { fitted?: number; heldOut?: number } {
  const scenario =
    techniques === undefined
      ? replay.scenario
      : forEachPool(replay.scenario, (pool) => ({
          ...pool,
          techniques: calibratedTechniques(pool.techniques as Record<string, unknown>[], { techniques } as Calibration),
        }))
  const simulation = createSimulation({ ...(scenario as object), plugins: replay.plugins } as unknown as SimulationInput)
  simulation.run()
  const columns = simulation.results.requests
  const [row, queued, arrival, first, last] = (['arrivalIndex', 'queuedNs', 'arrivalNs', 'firstTokenNs', 'lastTokenNs'] as const).map(
    (name) => columns.column(name),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]
  const from = replay.recording.latencyFrom === 'queued' ? queued : arrival
  const simulated = new Map<number, RecordedRequest>()
  for (let i = 0; i < columns.length; i++) {
    const request = requests[row[i]!]!
    simulated.set(row[i]!, { ...request, queuedS: from[i]! / 1e9, firstTokenS: first[i]! / 1e9, lastTokenS: last[i]! / 1e9 })
  }
  const error = (wanted: boolean) => {
    const indices = requests.flatMap((_, i) => (isHeldOut(i) === wanted && simulated.has(i) ? [i] : []))
    if (indices.length === 0) return undefined
    const measured = measuredFigures(indices.map((i) => requests[i]!))
    return errorSummary(compare(measured, measuredFigures(indices.map((i) => simulated.get(i)!)))).meanAbsErrorPct
  }
  const [fitted, heldOut] = [error(false), error(true)]
  return { ...(fitted !== undefined && { fitted }), ...(heldOut !== undefined && { heldOut }) }
}
