import type { ProbeOperator, Shape } from './protocol.js'

export type TableName = 'tokens' | 'sequences' | 'attention' | 'skew' | 'moe' | 'collectives'

/** One operator of one degree of tensor parallelism: what a table interpolates between. */
export interface Series {
  table: TableName
  tensorParallel: number
  operator: ProbeOperator
  /** Names of the shape's members, the ones that vary. */
  axes: readonly string[]
  /** Elements of the weights that one step runs through on this rank. */
  stepWeights: number
}

export interface Point {
  series: Series
  shape: Shape
  /** Equal for equal measurements: operators that tensor parallelism leaves whole are measured once. */
  key: string
}

export function pointOf(series: Series, shape: Shape): Point {
  return { series, shape, key: `${JSON.stringify(series.operator)} ${JSON.stringify(shape)}` }
}

/** As progress and errors name it: `attention (newTokens 256, context 1024)`. */
export function describePoint({ series, shape }: Pick<Point, 'series' | 'shape'>): string {
  const values = Object.entries(shape)
    .filter(([, value]) => value > 0)
    .map(([axis, value]) => `${axis} ${value}`)
  return `${series.operator.name} (${values.join(', ')})`
}
