import { createSimulation, type Metric, requestColumnNames } from '@servesim/core'
import { defaultScenario, presetDefault } from '@servesim/preset-default'

export interface StartRun {
  /** Bytes of the request columns, one after the other. */
  requests: number[]
  metrics: Metric[]
  steps: number
}

/** What `npm start` simulates, without anything of Node. */
export function startRun(): StartRun {
  const simulation = createSimulation({ ...defaultScenario, plugins: [presetDefault] })
  const { metrics, steps } = simulation.run()
  const { requests } = simulation.results
  const bytes = requestColumnNames.flatMap((name) => [...new Uint8Array(requests.column(name).slice().buffer)])
  return { requests: bytes, metrics, steps: steps.total }
}
