import { expect, test } from 'vitest'
import { leftOutPoints } from './left-out.js'
import { syntheticBundle } from './synthetic.fixture.js'

test('a table on a law that its rules are exact on predicts every point that is left out', () => {
  const points = leftOutPoints(syntheticBundle())
  const attention = points.filter(({ table }) => table === 'tp1/attention.csv')
  expect(attention.length).toBeGreaterThan(5)
  for (const { errorPct, shape } of attention) expect(Math.abs(errorPct), JSON.stringify(shape)).toBeLessThan(1e-9)
  // 16 rows go through the matrix unit together, so 8 are read as 64 would be were they no further apart; here they are not.
  expect(points.find(({ operator, shape }) => operator === 'qkv_proj' && shape.tokens === 8)!.errorPct).toBeCloseTo(0, 9)
})

test('a point that lies off the line of its neighbours is found', () => {
  const bundle = syntheticBundle()
  bundle.shards[0]!.tokens[0]!.latencyUs[1] = 60
  const off = leftOutPoints(bundle).find(
    ({ table, operator, shape }) => table === 'tp1/tokens.csv' && operator === 'qkv_proj' && shape.tokens === 8,
  )!
  expect(off).toMatchObject({ measuredUs: 60, predictedUs: 6 })
  expect(off.errorPct).toBeCloseTo(-90, 9)
})
