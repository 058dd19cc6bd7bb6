import { withValueAt } from '@servesim/config'
import {
  createSimulation,
  type DeviceSpec,
  type FigureName,
  figureNames,
  isServesimError,
  type MetricName,
  ServesimError,
  type Simulation,
  type SimulationInput,
} from '@servesim/core'
import { prepareRun } from './prepare-run.js'
import type { RunFlags } from './run-flags.js'

/** Requests per second at which everything is there at once. */
const atOnce = '1e6'

/** What a user of the service sees. */
export interface Service {
  ttftMs: number
  tpotMs: number
  /** Output tokens per second when all requests are there at once. */
  outputTokensPerSecond: number
}

export interface Sensitivity {
  device: string
  /** Factor on each figure in turn. */
  factor: number
  base: Service
  /** Whether throughput is of all requests at once; else of the load as stated, whose workload has no rate. */
  saturated: boolean
  figures: { figure: FigureName; now: number; changed: number; service: Service }[]
  /** Figures that could not be changed, and why. */
  leftOut: { figure: FigureName; reason: string }[]
}

/**
 * Simulates once as stated and once with each figure of the chip better by a factor, at the stated load and with all requests at once.
 * @param run runs one simulation to its end; for progress
 * @throws ServesimError as `prepareRun`
 */
export async function sensitivity(
  config: string | undefined,
  flags: RunFlags,
  cwd: string,
  factor: number,
  run: (simulation: Simulation) => void,
): Promise<Sensitivity> {
  const loads = [(await prepareRun(config, flags, cwd)).input]
  try {
    loads.push((await prepareRun(config, { ...flags, rate: atOnce }, cwd)).input)
  } catch (error) {
    if (!isServesimError(error)) throw error
  }
  const serve = (change: (input: SimulationInput) => SimulationInput): { service: Service; spec: DeviceSpec } => {
    const [stated, saturated = stated] = loads.map((input) => {
      const simulation = createSimulation(change(input))
      run(simulation)
      return { result: simulation.result(), spec: simulation.pools[0]!.device.spec }
    }) as [Simulated, Simulated?]
    const mean = (name: MetricName) =>
      stated.result.metrics.find(({ metric, stat }) => metric === name && stat === 'mean')?.value ?? Number.NaN
    return {
      spec: stated.spec,
      service: { ttftMs: mean('ttft'), tpotMs: mean('tpot'), outputTokensPerSecond: saturated.result.throughput.outputTokensPerSecond },
    }
  }
  const base = serve((input) => input)
  const figures: Sensitivity['figures'] = []
  const leftOut: Sensitivity['leftOut'] = []
  for (const figure of figureNames) {
    const now = base.spec[figure]
    if (now === undefined) continue
    const changed = figure === 'streamingMultiprocessors' ? Math.round(now * factor) : now * factor
    try {
      figures.push({ figure, now, changed, service: serve((input) => withFigure(input, figure, changed)).service })
    } catch (error) {
      if (!isServesimError(error) || !(error instanceof Error)) throw error
      leftOut.push({ figure, reason: error.message })
    }
  }
  if (figures.length === 0)
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      'device',
      `No figure of "${base.spec.name}" can be changed.`,
      leftOut[0]?.reason,
    )
  return { device: base.spec.name, factor, base: base.service, saturated: loads.length > 1, figures, leftOut }
}

interface Simulated {
  result: ReturnType<Simulation['result']>
  spec: DeviceSpec
}

/** Every pool's chip with one other figure, beside those that the scenario changes already. */
function withFigure(input: SimulationInput, figure: FigureName, value: number): SimulationInput {
  return input.pools.reduce<unknown>((changed, { device }, i) => {
    const choice = typeof device === 'string' ? { use: device } : device
    return withValueAt(changed, ['pools', i, 'device'], { ...choice, figures: { ...choice.figures, [figure]: value } })
  }, input) as SimulationInput
}
