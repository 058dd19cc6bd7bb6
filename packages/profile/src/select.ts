import { nearMatches, ServesimError } from '@servesim/core'

/** What tells one bundle from another. */
export interface BundleIdentity {
  device: string
  model: string
  dtype: string
  kvCacheDtype: string
  tensorParallel: number[]
  /** Set where the bundle describes its chip, so that no plugin has to. */
  chip?: object | undefined
  /** Set where the bundle describes its model, so that no catalogue has to. */
  modelConfig?: Record<string, unknown> | undefined
}

/** Absent members select nothing. Names match as people write them: any case; a model also by its last segment. */
export interface BundleSelection {
  device?: string
  model?: string
  dtype?: string
  kvCacheDtype?: string
  tensorParallel?: number
}

/**
 * The one candidate that fits.
 * @param path where the candidates were found, for errors
 * @throws ServesimError SERVESIM_UNKNOWN_NAME where no device or model fits, SERVESIM_CAPABILITY_MISMATCH where the dtype or degree was
 *   not measured, SERVESIM_BAD_OPTION where several fit
 */
export function selectBundle<T extends BundleIdentity>(candidates: readonly T[], selection: BundleSelection, path: string): T {
  if (candidates.length === 0) throw noBundle(path)
  const onDevice = byName(candidates, selection.device, (c) => c.device, sameDevice, 'device', path)
  const ofModel = byName(onDevice, selection.model, (c) => c.model, sameModel, 'model', path)
  let fitting = measured(ofModel, selection.dtype, (c) => [c.dtype], 'dtype', path)
  fitting = measured(fitting, selection.kvCacheDtype, (c) => [c.kvCacheDtype], 'kvCacheDtype', path)
  fitting = measured(fitting, selection.tensorParallel, (c) => c.tensorParallel, 'tensorParallel', path)
  if (fitting.length > 1)
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      path,
      `${fitting.length} bundles fit: ${fitting.map(describeIdentity).join('; ')}.`,
      'Name the model, device or dtype, or a folder further down.',
    )
  return fitting[0]!
}

export function noBundle(path: string): ServesimError {
  return new ServesimError(
    'SERVESIM_BAD_BUNDLE',
    path,
    'No operator-latency bundle lies here.',
    'Name a folder with bundle.json, or one in a layout that an importer reads.',
  )
}

export function describeIdentity(bundle: BundleIdentity): string {
  const kv = bundle.kvCacheDtype === 'auto' ? '' : `, KV ${bundle.kvCacheDtype}`
  return `${bundle.model} on ${bundle.device} (${bundle.dtype}${kv}, TP ${bundle.tensorParallel.join(', ')})`
}

/** Vendors and tools disagree on hyphens: `RTXPRO6000` is `rtx-pro-6000`. */
export function sameDevice(a: string, b: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return plain(a) === plain(b)
}

/** By id, or by last segment where one of the two has no other. */
export function sameModel(a: string, b: string): boolean {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()]
  return x === y || (!(x.includes('/') && y.includes('/')) && x.split('/').at(-1) === y.split('/').at(-1))
}

function byName<T>(
  candidates: readonly T[],
  wanted: string | undefined,
  nameOf: (candidate: T) => string,
  same: (a: string, b: string) => boolean,
  what: string,
  path: string,
): readonly T[] {
  if (wanted === undefined) return candidates
  const fitting = candidates.filter((candidate) => same(nameOf(candidate), wanted))
  if (fitting.length > 0) return fitting
  const names = [...new Set(candidates.map(nameOf))]
  const near = nearMatches(wanted, names)
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    path,
    `No bundle here was measured for ${what} "${wanted}"; there is ${names.join(', ')}.`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Choose one of these, or name another folder.`,
  )
}

function measured<T, V extends string | number>(
  candidates: readonly T[],
  wanted: V | undefined,
  valuesOf: (candidate: T) => V[],
  what: string,
  path: string,
): readonly T[] {
  if (wanted === undefined) return candidates
  const fitting = candidates.filter((candidate) => valuesOf(candidate).includes(wanted))
  if (fitting.length > 0) return fitting
  const values = [...new Set(candidates.flatMap(valuesOf))].join(', ')
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    `Nothing here was measured with ${what} ${wanted}; expected ${values}.`,
    `Change ${what}, or measure it with \`servesim profile\`.`,
  )
}
