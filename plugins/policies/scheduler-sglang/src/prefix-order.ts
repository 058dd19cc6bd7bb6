import type { RequestTable, StepPlan } from '@servesim/core'

/** Longer queues are served first come, first served: matching every prompt would take the host too long. */
const longestSortedQueue = 128
/** Tokens: with a hit no longer than that, a request that shares as much with one before it waits for that one's KV. */
const inBatchPrefixTokens = 32

/** Sorts waiting requests by their hits, longest first and else as they were: the policy `lpm` of SGLang. */
export function sortByPrefix(waiting: number[], plan: StepPlan, requests: RequestTable, blockSizeTokens: number): void {
  if (waiting.length > longestSortedQueue) return
  // Whole blocks; the last token of a sequence takes no part in a match.
  const needed = Math.ceil(inBatchPrefixTokens / blockSizeTokens) * blockSizeTokens + 1
  const isLong = (r: number) => requests.promptTokens[r]! + requests.outputTokens[r]! >= needed
  const first: number[] = []
  const entries = waiting.map((request) => {
    const hitTokens = plan.match(request) * blockSizeTokens
    if (hitTokens > inBatchPrefixTokens) return { request, rank: -hitTokens }
    if (isLong(request) && first.some((other) => isLong(other) && plan.samePrefix(request, other, inBatchPrefixTokens))) {
      return { request, rank: Number.POSITIVE_INFINITY }
    }
    first.push(request)
    return { request, rank: -hitTokens }
  })
  entries.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))
  for (const [i, { request }] of entries.entries()) waiting[i] = request
}
