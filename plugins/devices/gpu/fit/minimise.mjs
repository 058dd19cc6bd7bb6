// Nelder–Mead inside bounds: a coefficient outside its physical range is no answer.

/**
 * @param {(x: number[]) => number} loss
 * @param {readonly (readonly [lowest: number, start: number, highest: number])[]} ranges
 * @param {number} steps of each of three restarts
 * @returns {number[]}
 */
export function minimise(loss, ranges, steps) {
  /** @param {number[]} z */
  const inside = (z) =>
    z.map((value, i) => {
      const [lowest, , highest] = ranges[i]
      return lowest + (highest - lowest) / (1 + Math.exp(-value))
    })
  let best = ranges.map(([lowest, start, highest]) => Math.log((start - lowest) / (highest - start)))
  for (let restart = 0; restart < 3; restart++) best = descend((z) => loss(inside(z)), best, 0.5 / (restart + 1), steps)
  return inside(best)
}

/**
 * @param {(z: number[]) => number} loss
 * @param {number[]} start
 * @param {number} size
 * @param {number} steps
 */
function descend(loss, start, size, steps) {
  const n = start.length
  /** @param {number[]} z */
  const at = (z) => ({ z, loss: loss(z) })
  const simplex = [at(start), ...start.map((_, i) => at(start.map((value, j) => (i === j ? value + size : value))))]
  // Gao and Han's steps for more than a few dimensions.
  const [expand, contract, shrink] = [1 + 2 / n, 0.75 - 1 / (2 * n), 1 - 1 / n]
  for (let step = 0; step < steps; step++) {
    simplex.sort((a, b) => a.loss - b.loss)
    const worst = simplex[n]
    const centre = start.map((_, i) => simplex.slice(0, n).reduce((sum, s) => sum + s.z[i], 0) / n)
    /** @param {number} t */
    const along = (t) => at(centre.map((c, i) => c + t * (worst.z[i] - c)))
    const reflected = along(-1)
    let next = reflected
    if (reflected.loss < simplex[0].loss) {
      const expanded = along(-expand)
      if (expanded.loss < reflected.loss) next = expanded
    } else if (reflected.loss >= simplex[n - 1].loss) {
      next = along(reflected.loss < worst.loss ? -contract : contract)
      if (next.loss >= Math.min(worst.loss, reflected.loss)) {
        for (let i = 1; i <= n; i++) simplex[i] = at(simplex[i].z.map((value, j) => simplex[0].z[j] + shrink * (value - simplex[0].z[j])))
        continue
      }
    }
    simplex[n] = next
  }
  return simplex.sort((a, b) => a.loss - b.loss)[0].z
}
