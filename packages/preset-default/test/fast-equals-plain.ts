import { createSimulation } from '@servesim/core'
import { type Outcome, outcomeOf } from '@servesim/testkit'
import { expect } from 'vitest'
import { randomScenario } from './random-scenario.js'

/** Holds the fast path to the plain one, bit for bit, in the scenarios from `first` on, and says how much of them was fast. */
export function expectFastEqualsPlain(first: number, cases: number): void {
  let steps = 0
  let fastSteps = 0
  let preemptions = 0
  let cachedTokens = 0
  for (let number = first; number < first + cases; number++) {
    const input = randomScenario(number)
    const plain = createSimulation(input, { stretches: false })
    const fast = createSimulation(input)
    plain.run()
    const result = fast.run()
    expectSame(outcomeOf(fast), outcomeOf(plain), `scenario ${number}`)
    steps += result.steps.total
    fastSteps += result.steps.total * result.steps.fastShare
    preemptions += result.preemptions
    cachedTokens += result.cachedTokens
  }
  console.log(
    `fast = plain: ${cases} scenarios, ${steps} steps, ${((100 * fastSteps) / steps).toFixed(1)} % of them fast, ` +
      `${preemptions} preemptions, ${cachedTokens} cached tokens`,
  )
  // Speculation takes none, nor does host memory that is written through.
  expect(fastSteps).toBeGreaterThan(steps / 3)
  expect(preemptions).toBeGreaterThan(cases)
  expect(cachedTokens).toBeGreaterThan(cases)
}

function expectSame(fast: Outcome, plain: Outcome, name: string): void {
  expect(fast.exact, name).toEqual(plain.exact)
  for (const [of, seconds] of Object.entries(plain.seconds)) {
    expect(Math.abs(fast.seconds[of]! - seconds), `${name}: ${of}`).toBeLessThanOrEqual(1e-9 * seconds + 1e-15)
  }
}
