import { withValueAt } from '@servesim/config'
import { type Registry, ServesimError } from '@servesim/core'
import type { Trace } from '@servesim/workload'
import { readTraceFile } from '@servesim/workload/node'
import { findBundle, openFound, wishOf } from './bundles.js'

/** Reads the files that a scenario names, and puts what they hold in the place of their paths. */
export async function bindFiles(scenario: unknown, registry: Registry): Promise<unknown> {
  return bindBundles(await bindTrace(scenario), registry)
}

async function bindTrace(scenario: unknown): Promise<unknown> {
  const { workload } = scenario as { workload?: Record<string, unknown> }
  if (workload?.use !== 'trace' || typeof workload.file !== 'string') return scenario
  const { file, ratePerSecond, ...options } = workload
  const trace = await readTraceFile(file)
  const rateScale = ratePerSecond === undefined ? {} : { rateScale: scaleToRate(trace, options.limit, ratePerSecond) }
  return withValueAt(scenario, ['workload'], { ...options, ...rateScale, trace })
}

/** Factor on the recorded rate of the arrivals that are replayed, first to last. */
function scaleToRate(trace: Trace, limit: unknown, ratePerSecond: unknown): number {
  const arrivals = typeof limit === 'number' ? Math.min(trace.arrivalCount, limit) : trace.arrivalCount
  const spanS = ((trace.arrivalNs[arrivals - 1] ?? 0) - trace.arrivalNs[0]!) / 1e9
  const bad = (message: string, hint: string) => new ServesimError('SERVESIM_BAD_OPTION', 'workload.ratePerSecond', message, hint)
  if (typeof ratePerSecond !== 'number' || !(ratePerSecond > 0 && ratePerSecond <= 1e9)) {
    throw bad(
      `The rate is ${String(ratePerSecond)}; expected requests per second, above 0 and up to 1e9.`,
      'Leave it out to replay the recorded arrivals.',
    )
  }
  if (!(spanS > 0)) throw bad('All requests of the trace arrive at one instant, so it has no rate to scale.', 'Leave the rate out.')
  return (ratePerSecond * spanS) / (arrivals - 1)
}

async function bindBundles(scenario: unknown, registry: Registry): Promise<unknown> {
  const pools = (scenario as { pools?: unknown }).pools
  if (!Array.isArray(pools)) return scenario
  let bound = scenario
  for (const [i, pool] of pools.entries()) {
    const { device } = pool as { device?: { bundle?: unknown } }
    if (typeof device?.bundle !== 'string') continue
    const wish = wishOf(pool as Record<string, unknown>)
    const found = await findBundle([device.bundle], wish, registry)
    bound = withValueAt(bound, ['pools', i, 'device', 'bundle'], await openFound(found, wish.tensorParallel, registry))
  }
  return bound
}
