/**
 * The contexts of a batch of which only count, mean and longest are known, longest last: expected order statistics of an exponential
 * distribution, moved and stretched so that mean and longest hold. Contexts of running batches are such: many around a common value and
 * a few long ones.
 * @param mean with the longest as 1
 * @returns ascending, 0–1
 */
export function likelyContexts(sequences: number, mean: number): Float64Array {
  const contexts = new Float64Array(sequences)
  const top = sequences - 1
  if (top === 0 || mean >= 1) return contexts.fill(1)
  // The i-th smallest of n draws is at 1/n + 1/(n − 1) + … + 1/(n − i) on average; all of them at 1.
  let statistic = 0
  for (let i = 0; i < sequences; i++) {
    statistic += 1 / (sequences - i)
    contexts[i] = statistic
  }
  const stretch = (1 - mean) / (statistic - 1)
  let others = 0
  for (let i = 0; i < top; i++) {
    contexts[i] = Math.max(0, mean + stretch * (contexts[i]! - 1))
    others += contexts[i]!
  }
  // Nothing is shorter than 0; what that added is taken off the rest.
  const scale = others === 0 ? 0 : Math.max(0, sequences * mean - 1) / others
  for (let i = 0; i < top; i++) contexts[i]! *= scale
  contexts[top] = 1
  return contexts
}

/** Fractional part of the golden ratio: its multiples spread evenly over 0–1 in an order without pattern. */
const goldenFraction = (Math.sqrt(5) - 1) / 2

/**
 * Places in the batch for contexts sorted by length: which sequence is long has nothing to do with where it stands.
 * @returns entry i: the rank, from the shortest, of the context at place i
 */
export function shuffledRanks(sequences: number): Int32Array {
  const keys = Float64Array.from({ length: sequences }, (_, i) => ((i + 1) * goldenFraction) % 1)
  const byKey = Int32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!)
  const ranks = new Int32Array(sequences)
  byKey.forEach((place, rank) => {
    ranks[place] = rank
  })
  return ranks
}
