/** Options and facts of the pool that decide which batch sizes are captured. */
export interface CaptureLimits {
  maxBatchedTokens: number
  maxSequences: number
  /** Drafts of a sequence in a step at most; 0 without speculative decoding. */
  maxDrafts: number
  /** Instead of vLLM's ladder, in any order. */
  captureSizes?: readonly number[] | undefined
  /** Instead of vLLM's default. */
  maxCaptureSize?: number | undefined
}

/**
 * vLLM's capture sizes: 1, 2, 4, then steps of 8 below 256 and of 16 from there, up to min(2 × maxSequences × q, 512) by default and never
 * beyond the token budget; with q = 1 + drafts tokens of a sequence all are rounded up to multiples of q, and those that are too large
 * then are left out (vllm/config/vllm.py, release 0.19).
 * @returns ascending, ≥ 1; empty where no size is within the limits
 */
export function captureLadder({ maxBatchedTokens, maxSequences, maxDrafts, captureSizes, maxCaptureSize }: CaptureLimits): number[] {
  const query = 1 + maxDrafts
  const largest = Math.min(
    maxCaptureSize ?? (captureSizes === undefined ? Math.min(2 * maxSequences * query, 512) : Number.POSITIVE_INFINITY),
    maxBatchedTokens,
  )
  const sizes = captureSizes === undefined ? [1, 2, 4] : [...captureSizes]
  for (let size = 8; captureSizes === undefined && size <= largest; size += size < 256 ? 8 : 16) sizes.push(size)
  const rounded = new Set(sizes.map((size) => Math.ceil(size / query) * query))
  return [...rounded].filter((size) => size <= largest).sort((a, b) => a - b)
}

/**
 * @param ladder ascending
 * @returns entry t: the smallest captured size that holds t tokens, for t up to the largest size
 */
export function paddedSizes(ladder: readonly number[]): Int32Array {
  const padded = new Int32Array((ladder.at(-1) ?? 0) + 1)
  let previous = 0
  for (const size of ladder) {
    padded.fill(size, previous + 1, size + 1)
    previous = size
  }
  return padded
}
