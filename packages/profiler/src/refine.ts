import type { LeftOutPoint } from '@servesim/profile'
import { type Point, pointOf, type Series } from './point.js'
import type { Shape } from './protocol.js'

/** A measured point as refinement sees it. */
export interface Sample {
  point: Point
  us: number
  noisePct: number
}

/** Values closer than this are as good as one. */
const smallestStep = 1.1

/**
 * Points that would help most: where the table, without a point, predicts it badly and its noise does not explain that, the middles to
 * its neighbours on the axis along which it bends most.
 * @param leftOut of the bundle made of the samples
 * @returns worst first, without repeats
 */
export function refinements(samples: readonly Sample[], leftOut: readonly LeftOutPoint[], targetPct: number): Point[] {
  const errors = new Map(leftOut.map((one) => [leftOutKey(one), Math.abs(one.errorPct)]))
  const bad = samples
    .map((sample) => ({ sample, errorPct: errors.get(sampleKey(sample.point)) ?? 0 }))
    .filter(({ sample, errorPct }) => errorPct > Math.max(targetPct, 3 * sample.noisePct))
    .sort((a, b) => b.errorPct - a.errorPct)
  const lines = new Lines(samples)
  const known = new Set(samples.map(({ point }) => point.key))
  const wanted = new Map<string, Point>()
  for (const { sample } of bad) {
    const { series, shape } = sample.point
    const bends = series.axes.flatMap((axis) => lines.bend(sample, axis) ?? [])
    const worst = bends.sort((a, b) => b.size - a.size)[0]
    if (worst === undefined) continue
    for (const neighbour of [worst.below, worst.above]) {
      const middle = middleOf(shape[worst.axis]!, neighbour, lines.valuesOf(series, worst.axis))
      if (middle === undefined) continue
      const point = pointOf(series, { ...shape, [worst.axis]: middle })
      if (!known.has(point.key)) wanted.set(point.key, point)
    }
  }
  return [...wanted.values()]
}

interface Bend {
  axis: string
  below: number
  above: number
  /** Distance from the straight line between the neighbours ÷ the value. */
  size: number
}

/** Samples that differ along one axis alone. */
class Lines {
  private readonly members = new Map<string, Sample[]>()
  private readonly values = new Map<string, Set<number>>()

  constructor(samples: readonly Sample[]) {
    for (const sample of samples)
      for (const axis of sample.point.series.axes) {
        const key = lineKey(sample.point.series, sample.point.shape, axis)
        const line = this.members.get(key)
        if (line === undefined) this.members.set(key, [sample])
        else line.push(sample)
        this.valuesOf(sample.point.series, axis).add(sample.point.shape[axis]!)
      }
    for (const [key, line] of this.members) {
      const axis = key.slice(0, key.indexOf(' '))
      line.sort((a, b) => a.point.shape[axis]! - b.point.shape[axis]!)
    }
  }

  /** All values of an axis, over its whole table. */
  valuesOf({ table, tensorParallel, operator }: Series, axis: string): Set<number> {
    const key = `${axis} ${table} ${tensorParallel} ${operator.name}`
    const known = this.values.get(key) ?? new Set()
    this.values.set(key, known)
    return known
  }

  bend(sample: Sample, axis: string): Bend | undefined {
    const line = this.members.get(lineKey(sample.point.series, sample.point.shape, axis))!
    const at = line.indexOf(sample)
    const [below, above] = [line[at - 1], line[at + 1]]
    if (below === undefined || above === undefined) return undefined
    const [low, here, high] = [below, sample, above].map(({ point }) => point.shape[axis]!) as [number, number, number]
    const straight = below.us + ((above.us - below.us) * (here - low)) / (high - low)
    return { axis, below: low, above: high, size: Math.abs(straight - sample.us) / sample.us }
  }
}

function lineKey(series: Series, shape: Shape, axis: string): string {
  const others = Object.entries(shape).filter(([name]) => name !== axis)
  return `${axis} ${series.table} ${series.tensorParallel} ${series.operator.name} ${JSON.stringify(others)}`
}

/**
 * The whole number between two, in ratio; undefined where they are as good as neighbours. One that the axis has already is taken where
 * there is one: a table is a grid, and each further value of an axis is a slice that is otherwise guessed.
 */
function middleOf(a: number, b: number, known: ReadonlySet<number>): number | undefined {
  const [low, high] = a < b ? [a, b] : [b, a]
  if (high - low < 2 || high / Math.max(1, low) < smallestStep) return undefined
  const middle = low === 0 ? high / 2 : Math.sqrt(low * high)
  const distance = (value: number) => Math.abs(Math.log(value / middle))
  const between = [...known].filter((value) => value > low && value < high).sort((x, y) => distance(x) - distance(y))
  if (between.length > 0) return between[0]
  const rounded = Math.round(middle)
  return rounded === low || rounded === high ? Math.round((low + high) / 2) : rounded
}

/** Points and table rows name the same things differently. */
function sampleKey({ series, shape }: Point): string {
  const { table, tensorParallel, operator } = series
  if (table === 'moe') return key('moe.csv', 'moe', [shape.rows!, shape.activatedExperts!])
  if (table === 'collectives') return key('collectives.csv', `${operator.name} (${tensorParallel} ranks)`, [shape.bytes!])
  return key(`tp${tensorParallel}/${table}.csv`, operator.name, Object.values(shape))
}

function leftOutKey({ table, operator, shape }: LeftOutPoint): string {
  return key(table, operator, Object.values(shape))
}

function key(table: string, operator: string, values: readonly number[]): string {
  return `${table} ${operator} ${values.join()}`
}

/** Share of left-out points beyond which a bundle is not what its user asked for. */
export function leftOutSummary(leftOut: readonly LeftOutPoint[]): { points: number; medianPct: number; p90Pct: number; worstPct: number } {
  const sorted = leftOut.map((one) => Math.abs(one.errorPct)).sort((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
  return { points: sorted.length, medianPct: at(0.5), p90Pct: at(0.9), worstPct: sorted.at(-1) ?? 0 }
}
