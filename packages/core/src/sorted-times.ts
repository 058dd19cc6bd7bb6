/**
 * @param timesNs ascending, entries 0 … `last`
 * @returns index of the first one at or after `timeNs`; `last` where there is none
 */
export function firstNotBefore(timesNs: Float64Array, last: number, timeNs: number): number {
  let low = 0
  let high = last
  while (low < high) {
    const middle = (low + high) >> 1
    if (timesNs[middle]! < timeNs) low = middle + 1
    else high = middle
  }
  return low
}
