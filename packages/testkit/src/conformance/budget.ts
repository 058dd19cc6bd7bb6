import { holds } from './suite.js'

const rounds = 5

/** Milliseconds of the fastest of several rounds, which other work on the machine disturbs least. */
export function fastestMs(body: () => void): number {
  let fastest = Number.POSITIVE_INFINITY
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    body()
    fastest = Math.min(fastest, performance.now() - start)
  }
  return fastest
}

/** A budget that only mistakes of order exceed: a part that looks at everything for each decision, or allocates without end. */
export function withinBudget(what: string, calls: number, budgetUs: number, body: () => void): void {
  const eachUs = (fastestMs(body) * 1000) / calls
  holds(eachUs <= budgetUs, `${what} takes ${eachUs.toFixed(1)} µs, the budget is ${budgetUs} µs.`)
}
