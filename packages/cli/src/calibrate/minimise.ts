/**
 * Nelder and Mead's simplex (1965) with the usual coefficients: for a handful of parameters and a function without derivatives.
 * @param first where it starts; each parameter is tried `step` away from it
 * @returns the best point that was tried
 */
export function minimise(
  cost: (parameters: readonly number[]) => number,
  first: readonly number[],
  step: readonly number[],
  evaluations: number,
): { parameters: number[]; cost: number } {
  let left = evaluations
  const tried = (parameters: number[]) => {
    left--
    return { parameters, cost: cost(parameters) }
  }
  const corners = [[...first], ...first.map((value, i) => first.map((other, j) => (i === j ? value + step[i]! : other)))]
  const simplex = corners.map(tried)
  const order = () => simplex.sort((a, b) => a.cost - b.cost)
  order()
  while (left > 0) {
    const worst = simplex.at(-1)!
    const centre = first.map((_, i) => simplex.slice(0, -1).reduce((sum, { parameters }) => sum + parameters[i]!, 0) / (simplex.length - 1))
    const along = (t: number) => tried(centre.map((value, i) => value + t * (worst.parameters[i]! - value)))
    const reflected = along(-1)
    if (reflected.cost < simplex[0]!.cost) {
      const expanded = along(-2)
      simplex[simplex.length - 1] = expanded.cost < reflected.cost ? expanded : reflected
    } else if (reflected.cost < simplex.at(-2)!.cost) simplex[simplex.length - 1] = reflected
    else {
      const contracted = along(reflected.cost < worst.cost ? -0.5 : 0.5)
      if (contracted.cost < Math.min(worst.cost, reflected.cost)) simplex[simplex.length - 1] = contracted
      else {
        const best = simplex[0]!.parameters
        for (let i = 1; i < simplex.length; i++) simplex[i] = tried(simplex[i]!.parameters.map((value, j) => (value + best[j]!) / 2))
      }
    }
    order()
  }
  return simplex[0]!
}
