import { type RequestColumnName, requestColumnNames, type Simulation } from '@servesim/core'

/** All that a run yields, in a form that `toEqual` compares. */
export interface Outcome {
  /** Counts and integer nanoseconds: two runs that should be the same agree in every bit. */
  exact: {
    requests: Record<RequestColumnName, number[]>
    interTokenNs: { count: number; min: number; max: number; mean: number; quantiles: number[] }
    refused: number[]
    /** How, which request, when, and with how many tokens. */
    unserved: [string, number, number, number][]
    steps: number[]
    preemptions: number
    peakBlocks: number[]
    blockNs: number[]
  }
  /** Sums of floating-point durations, seconds: they agree up to the order of summation. */
  seconds: Record<string, number>
}

const quantiles = Array.from({ length: 21 }, (_, i) => i / 20)

export function outcomeOf(simulation: Simulation): Outcome {
  const { results, units } = simulation
  const { timeByClass, timeByResource, timeByProvenance, idleS, preemptions } = simulation.result()
  const { itl } = results
  const columns = requestColumnNames.map((name) => [name, Array.from(results.requests.column(name))])
  return {
    exact: {
      requests: Object.fromEntries(columns) as Record<RequestColumnName, number[]>,
      interTokenNs: {
        count: itl.count,
        min: itl.minNs,
        max: itl.maxNs,
        mean: itl.meanNs,
        quantiles: quantiles.map((q) => itl.quantileNs(q)),
      },
      refused: results.refused.map((r) => r.arrivalIndex),
      unserved: results.unserved.map((u) => [u.kind, u.arrivalIndex, u.timeNs, u.outputTokens]),
      steps: units.map((u) => u.steps),
      preemptions,
      peakBlocks: units.map((u) => u.kvUse.peakBlocks),
      blockNs: units.map((u) => u.kvUse.blockNs),
    },
    seconds: { ...timeByClass, ...timeByResource, ...timeByProvenance, idle: idleS },
  }
}
