import { nearMatches, ServesimError } from './errors.js'
import type { DeviceSpec } from './points/device.js'

/** Figures of a chip that are numbers, with what people write after them and the names they go by besides. */
const figures = {
  memoryBytes: { unit: 'bytes', also: ['memory', 'memorySize', 'hbmCapacity', 'capacity'] },
  memoryBytesPerSecond: { unit: 'bytes', also: ['hbmBandwidth', 'memoryBandwidth', 'bandwidth'] },
  bf16FlopPerSecond: { unit: 'flop', also: ['bf16', 'flops', 'compute', 'peak'] },
  fp8FlopPerSecond: { unit: 'flop', also: ['fp8'] },
  streamingMultiprocessors: { unit: 'count', also: ['multiprocessors', 'sms'] },
  l2Bytes: { unit: 'bytes', also: ['l2', 'l2Cache'] },
  linkBytesPerSecond: { unit: 'bytes', also: ['interconnect', 'link', 'linkBandwidth', 'nvlink', 'ici'] },
  thermalDesignPowerWatts: { unit: 'watts', also: ['tdp', 'power'] },
} as const satisfies Partial<Record<keyof DeviceSpec, { unit: Unit; also: readonly string[] }>>

type Unit = 'bytes' | 'flop' | 'count' | 'watts'
export type FigureName = keyof typeof figures
export const figureNames = Object.keys(figures) as FigureName[]

const prefixes: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  p: 1e15,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}
/** What may follow the prefix, in any case, by unit. */
const suffixes: Readonly<Record<Unit, RegExp>> = {
  bytes: /^([kmgtp]?i?)b?(?:\/s|ps)?$/,
  flop: /^([kmgtp]?)(?:flops?|op\/s|ops)?(?:\/s)?$/,
  count: /^()$/,
  watts: /^([km]?)w?$/,
}

/** The figure that a name means, in any case. @throws ServesimError with near matches */
export function figureName(name: string, path: string): FigureName {
  const wanted = name.toLowerCase()
  const found = figureNames.find((figure) => [figure, ...figures[figure].also].some((known) => known.toLowerCase() === wanted))
  if (found !== undefined) return found
  const near = nearMatches(
    name,
    figureNames.flatMap((figure) => [figure, ...figures[figure].also]),
  )
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    path,
    `A chip has no figure "${name}".`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Figures are ${figureNames.join(', ')}.`,
  )
}

/**
 * A figure as people write it: `3.35e12`, `900GB/s`, `80GiB`, `989 TFLOPS`.
 * @throws ServesimError SERVESIM_BAD_OPTION
 */
export function readFigure(figure: FigureName, value: unknown, path: string): number {
  const number = typeof value === 'number' ? value : readText(figure, String(value))
  if (Number.isFinite(number) && number > 0 && number <= 1e30) return number
  const examples = { bytes: '80GB or 900GB/s', flop: '989TFLOPS', count: '132', watts: '700W' }
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    path,
    `${figure} is "${String(value)}"; expected a number above 0.`,
    `Write, for example, ${examples[figures[figure].unit]}.`,
  )
}

function readText(figure: FigureName, text: string): number {
  const [, digits, rest] = /^\s*([\d.]+(?:e[+-]?\d+)?)\s*(\S*)\s*$/i.exec(text) ?? []
  if (digits === undefined) return Number.NaN
  const prefix = suffixes[figures[figure].unit].exec(rest!.toLowerCase())?.[1]
  return Number(digits) * (prefix === undefined ? Number.NaN : (prefixes[prefix] ?? Number.NaN))
}

/**
 * A chip with other figures. A value is a number, a number with its unit, or a factor on what the chip has: `2x`.
 * @throws ServesimError where a name or value is wrong, and where a factor is asked of a figure that is unknown
 */
export function withFigures(spec: DeviceSpec, changes: Readonly<Record<string, unknown>>, path: string): DeviceSpec {
  const changed = { ...spec }
  for (const [name, value] of Object.entries(changes)) {
    const at = `${path}.${name}`
    const figure = figureName(name, at)
    const factor = typeof value === 'string' ? /^\s*([\d.]+(?:e[+-]?\d+)?)\s*[x×]\s*$/i.exec(value)?.[1] : undefined
    if (factor === undefined) changed[figure] = readFigure(figure, value, at)
    else if (spec[figure] !== undefined) changed[figure] = readFigure(figure, Number(factor) * spec[figure], at)
    else
      throw new ServesimError(
        'SERVESIM_CAPABILITY_MISMATCH',
        at,
        `${figure} of "${spec.name}" is unknown, so that nothing can be multiplied.`,
        'State the figure itself.',
      )
  }
  return changed
}

const scales = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
] as const
const written: Readonly<Record<FigureName, string>> = {
  memoryBytes: 'B',
  memoryBytesPerSecond: 'B/s',
  bf16FlopPerSecond: 'FLOP/s',
  fp8FlopPerSecond: 'FLOP/s',
  streamingMultiprocessors: '',
  l2Bytes: 'B',
  linkBytesPerSecond: 'B/s in one direction',
  thermalDesignPowerWatts: 'W',
}

/** A figure for people: `3.35 TB/s`. */
export function formatFigure(figure: FigureName, value: number | undefined): string {
  if (value === undefined) return 'unknown'
  const unit = written[figure]
  const [size, prefix] = (unit === '' || unit === 'W' ? undefined : scales.find(([least]) => value >= least)) ?? [1, '']
  return `${Number((value / size).toPrecision(5))} ${prefix}${unit}`.trim()
}
