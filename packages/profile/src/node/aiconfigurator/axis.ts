/** Entries around a value on an ascending axis: the same one twice on a hit; the last two (or first two) where the value lies outside. */
export function around(axis: readonly number[], value: number): [low: number, high: number] {
  const at = axis.findIndex((entry) => entry >= value)
  if (axis[at] === value) return [value, value]
  const high = Math.max(1, at < 0 ? axis.length - 1 : at)
  return axis.length === 1 ? [axis[0]!, axis[0]!] : [axis[high - 1]!, axis[high]!]
}

/** Straight line through (x0, y0) and (x1, y1), at x. */
export function line(x0: number, y0: number, x1: number, y1: number, x: number): number {
  return x0 === x1 ? y0 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
}

export const ascending = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b)
