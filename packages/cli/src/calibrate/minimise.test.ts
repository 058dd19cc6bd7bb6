import { expect, test } from 'vitest'
import { minimise } from './minimise.js'

test('finds the bottom of a curved valley', () => {
  const valley = ([x = 0, y = 0]: readonly number[]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2
  const { parameters, cost } = minimise(valley, [-1.2, 1], [0.5, 0.5], 400)
  expect(cost).toBeLessThan(1e-6)
  expect(parameters[0]).toBeCloseTo(1, 2)
})

test('keeps the start where nothing is better', () => {
  expect(minimise(([x = 0]) => x * x, [0], [1], 30).parameters[0]).toBeCloseTo(0, 6)
})
