import { expect, it } from 'vitest'
import { runChecked } from './invariants.js'
import { smallScenario } from './scenario.js'

it('serves a small list of requests with the laws intact', () => {
  const requests = [
    { arrivalNs: 0, promptTokens: 5, outputTokens: 4 },
    { arrivalNs: 10, promptTokens: 9, outputTokens: 1 },
  ]
  const { results } = runChecked(smallScenario({ requests }))
  expect(results.finished).toBe(2)
})
