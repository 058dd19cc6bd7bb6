import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRandomSource, exp, ln, type RandomStream } from './random.js'

const draw = (stream: RandomStream, count: number) => Array.from({ length: count }, () => stream.uniform())

it('draws the same again from the same seed, purpose and index, whatever was drawn beside it', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.string(), fc.nat(), (seed, purpose, index) => {
      const source = createRandomSource(seed)
      const expected = draw(source.stream(purpose, index), 5)
      draw(source.stream('another purpose', index), 3)
      expect(draw(createRandomSource(seed).stream(purpose, index), 5)).toEqual(expected)
    }),
  )
})

it('draws anywhere what streams draw in turn', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.string(), fc.maxSafeNat(), (seed, purpose, index) => {
      const source = createRandomSource(seed)
      const draws = source.draws(purpose)
      const anywhere = [4, 0, 3, 1, 2].map((counter) => [counter, draws.uniform(index, counter)] as const)
      const inTurn = draw(source.stream(purpose, index), 5)
      for (const [counter, value] of anywhere) expect(value).toBe(inTurn[counter])
    }),
  )
})

it('has streams of their own for every seed, purpose and index', () => {
  const firsts = new Set<number>()
  for (const seed of [0, 1, 2 ** 32, 2 ** 40]) {
    for (const purpose of ['a', 'b', 'ab', 'ba']) {
      for (const index of [0, 1, 2 ** 32]) firsts.add(createRandomSource(seed).stream(purpose, index).uniform())
    }
  }
  expect(firsts.size).toBe(4 * 4 * 3)
})

it('has the means and variances that its distributions should have', () => {
  const stream = createRandomSource(5).stream('moments')
  const count = 100_000
  const moments = (next: () => number) => {
    const values = Array.from({ length: count }, next)
    const mean = values.reduce((a, b) => a + b, 0) / count
    return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count, min: Math.min(...values.slice(0, 50_000)) }
  }
  const near = (value: number, expected: number) => expect(Math.abs(value - expected), `${value}, not ${expected}`).toBeLessThan(0.02)
  const uniform = moments(() => stream.uniform())
  near(uniform.mean, 1 / 2)
  near(uniform.variance, 1 / 12)
  const exponential = moments(() => stream.exponential())
  near(exponential.mean, 1)
  near(exponential.variance, 1)
  expect(exponential.min).toBeGreaterThanOrEqual(0)
  const normal = moments(() => stream.normal())
  near(normal.mean, 0)
  near(normal.variance, 1)
  const integers = moments(() => stream.integer(3))
  near(integers.mean, 1)
  near(integers.variance, 2 / 3)
})

it('has logarithm and exponential within two units in the last place of the true ones', () => {
  const ulp = (x: number) => 2 ** (Math.floor(Math.log2(Math.abs(x))) - 52)
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
      const exact = Math.log(x)
      expect(Math.abs(ln(x) - exact)).toBeLessThanOrEqual(2 * ulp(exact) + Number.EPSILON * 1e-2)
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(fc.double({ min: -690, max: 690, noNaN: true }), (x) => {
      const exact = Math.exp(x)
      expect(Math.abs(exp(x) - exact)).toBeLessThanOrEqual(2 * ulp(exact))
    }),
    { numRuns: 1000 },
  )
  expect([ln(1), exp(0)]).toEqual([0, 1])
})
