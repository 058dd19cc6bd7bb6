import { isObject } from './path.js'

/**
 * What was written, completed by defaults. Objects are merged; a choice that names another provider than the default's takes none of
 * its options, and lists are taken as they are written, so that a pool which lists its techniques has exactly those. Each pool is
 * completed by the default's first pool.
 * @param written a fragment of a scenario; returned as it is where it is no object, for the schema to complain about
 */
export function completeScenario(written: unknown, defaults: Record<string, unknown>): unknown {
  if (!isObject(written)) return written === undefined ? defaults : written
  const { pools, ...rest } = written
  const { pools: defaultPools, ...defaultRest } = defaults
  const defaultPool = Array.isArray(defaultPools) ? defaultPools[0] : undefined
  const completed = merge(rest, defaultRest) as Record<string, unknown>
  if (pools === undefined) return defaultPools === undefined ? completed : { ...completed, pools: defaultPools }
  return { ...completed, pools: Array.isArray(pools) ? pools.map((pool) => merge(pool, defaultPool)) : pools }
}

function merge(written: unknown, fallback: unknown): unknown {
  if (written === undefined) return fallback
  if (!isPlain(written) || !isPlain(fallback)) return written
  if (written.use !== undefined && written.use !== fallback.use) return written
  const merged: Record<string, unknown> = { ...fallback }
  for (const [key, value] of Object.entries(written)) merged[key] = merge(value, fallback[key])
  return merged
}

/** Objects that hold options; traces and bundles are taken whole. */
function isPlain(value: unknown): value is Record<string, unknown> {
  return isObject(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}
