import type { CollectiveCurve } from '@servesim/core'

/**
 * A measured curve at `bytes`: linear between its points, constant below the first, and going on as the last two do above the last.
 * @returns ns
 */
export function curveNs({ bytes: x, ns: y }: CollectiveCurve, bytes: number): number {
  const last = x.length - 1
  if (last === 0 || bytes <= x[0]!) return y[0]!
  let low = 0
  let high = last
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (x[middle]! <= bytes) low = middle
    else high = middle
  }
  return y[low]! + ((y[high]! - y[low]!) * (bytes - x[low]!)) / (x[high]! - x[low]!)
}
