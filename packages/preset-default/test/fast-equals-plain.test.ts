import { createSimulation } from '@servesim/core'
import { type Outcome, outcomeOf } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { randomScenario } from './random-scenario.js'

/** Random scenarios; the long form of the tests takes more. */
const cases = Number(process.env.SERVESIM_CASES ?? 1200)

function expectSame(fast: Outcome, plain: Outcome, name: string): void {
  expect(fast.exact, name).toEqual(plain.exact)
  for (const [of, seconds] of Object.entries(plain.seconds)) expect(Math.abs(fast.seconds[of]! - seconds), `${name}: ${of}`).toBeLessThanOrEqual(1e-9 * seconds + 1e-15)
}

it(`takes stretches of steps at once and gets what step by step gets, in ${cases} random scenarios`, () => {
  let steps = 0
  let fastSteps = 0
  let preemptions = 0
  let cachedTokens = 0
  for (let number = 0; number < cases; number++) {
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
  expect(fastSteps).toBeGreaterThan(steps / 2)
  expect(preemptions).toBeGreaterThan(cases)
  expect(cachedTokens).toBeGreaterThan(cases)
})
