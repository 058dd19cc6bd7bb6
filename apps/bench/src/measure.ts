import { EventQueue, Phase, type Simulation } from '@servesim/core'

export interface Measurement {
  name: string
  requests: number
  steps: number
  fastShare: number
  /** Median of the warm runs, build included. */
  wallMs: number
  /** The first run of the process. */
  coldMs: number
  peakMiB: number
  /** Warm run ÷ a bare event loop that pops one event for each step and each arrival. */
  bareLoopRatio: number
}

/** Times building and running one case; nothing else should run in the process. */
export function measure(name: string, warmRuns: number, make: () => Simulation): Measurement {
  const timed = (): { ms: number; simulation: Simulation } => {
    const start = performance.now()
    const simulation = make()
    simulation.run()
    return { ms: performance.now() - start, simulation }
  }
  const cold = timed()
  const { requests, steps } = cold.simulation.result()
  let peakBytes = process.memoryUsage.rss()
  const warm: number[] = []
  for (let i = 0; i < warmRuns; i++) {
    warm.push(timed().ms)
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
  }
  const wallMs = median(warm)
  const replicas = cold.simulation.units.length
  return {
    name,
    requests: requests.finished,
    steps: steps.total,
    fastShare: steps.fastShare,
    wallMs,
    coldMs: cold.ms,
    peakMiB: peakBytes / 2 ** 20,
    bareLoopRatio: wallMs / bareLoopMs(steps.total + requests.arrived, replicas),
  }
}

/** A loop over the engine's own event queue that pops `events` events of `handles` units and does nothing else; best of three. */
function bareLoopMs(events: number, handles: number): number {
  const run = (): number => {
    const queue = new EventQueue()
    for (let handle = 0; handle < handles; handle++) queue.set(handle, handle + 1, Phase.complete)
    const start = performance.now()
    for (let i = 0; i < events; i++) {
      const nowNs = queue.nextNs
      queue.set(queue.pop(), nowNs + handles, Phase.complete)
    }
    return performance.now() - start
  }
  return Math.min(run(), run(), run())
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
