import { emptyDraft } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { context, drained, errorOf } from '../../test/support.js'
import { fixedRate, poisson } from './open-loop.js'

const poissonRun = (options: object, seed = 7) => drained(poisson.build(poisson.options.parse(options), context(seed)))

describe('Poisson arrivals', () => {
  test('come at the mean rate, with exponential gaps', () => {
    const arrivals = poissonRun({ ratePerSecond: 20, requestCount: 10_000 }).map((r) => r.arrivalNs / 1e9)
    const gaps = arrivals.map((time, i) => time - (arrivals[i - 1] ?? 0))
    // The sum of n gaps deviates by 1/√n = 1 %; four of them. Squares of exponential gaps have mean 2 and deviation √20.
    expect(arrivals.at(-1)! / 500).toBeGreaterThan(0.96)
    expect(arrivals.at(-1)! / 500).toBeLessThan(1.04)
    const meanSquare = gaps.reduce((sum, gap) => sum + (gap * 20) ** 2, 0) / gaps.length
    expect(Math.abs(meanSquare - 2)).toBeLessThan(4 * (Math.sqrt(20) / 100))
  })

  test('wait a gap before the first, too', () => {
    const firsts = Array.from({ length: 400 }, (_, seed) => poissonRun({ ratePerSecond: 1, requestCount: 1 }, seed)[0]!.arrivalNs / 1e9)
    expect(Math.abs(firsts.reduce((a, b) => a + b) / 400 - 1)).toBeLessThan(0.2)
  })

  test('stay where they are when lengths change', () => {
    const arrivals = (options: object) => poissonRun(options).map((r) => r.arrivalNs)
    const changed = {
      promptTokens: { uniform: [1, 99] },
      outputTokens: { lognormal: { mean: 9, sigma: 1 } },
      sharedPrefix: { groups: 3, tokens: 64 },
    }
    expect(arrivals(changed)).toEqual(arrivals({}))
  })

  test('are integers that never go back, the same for the same seed, and differ for another', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.001, max: 1e9, noNaN: true }), (seed, ratePerSecond) => {
        const all = poissonRun({ ratePerSecond, requestCount: 30 }, seed)
        expect(all).toEqual(poissonRun({ ratePerSecond, requestCount: 30 }, seed))
        for (let i = 0; i < all.length; i++) {
          expect(Number.isSafeInteger(all[i]!.arrivalNs)).toBe(true)
          expect(all[i]!.arrivalNs).toBeGreaterThanOrEqual(all[i - 1]?.arrivalNs ?? 0)
        }
      }),
    )
    expect(poissonRun({}, 1)).not.toEqual(poissonRun({}, 2))
  })
})

test('fixed-rate arrivals do not drift', () => {
  const options = fixedRate.options.parse({ ratePerSecond: 3, requestCount: 300_000 })
  const all = drained(fixedRate.build(options, context()))
  expect([all[0]!.arrivalNs, all[2]!.arrivalNs, all.at(-1)!.arrivalNs]).toEqual([333_333_333, 1e9, 100_000e9])
})

test('a longer request count continues the shorter one', () => {
  const options = { promptTokens: { uniform: [1, 500] }, sharedPrefix: { groups: 4, tokens: 32 } }
  expect(poissonRun({ ...options, requestCount: 50 }).slice(0, 20)).toEqual(poissonRun({ ...options, requestCount: 20 }))
})

describe('a shared prefix', () => {
  test('adds whole blocks of identity and its tokens to the prompt', () => {
    const all = poissonRun({ promptTokens: 100, sharedPrefix: { groups: 3, tokens: 50 } })
    expect(new Set(all.map((r) => r.promptTokens))).toEqual(new Set([150]))
    expect(new Set(all.map((r) => r.ids.join()))).toEqual(new Set(['0,1,2', '3,4,5', '6,7,8']))
  })

  test('follows the block size', () => {
    const options = fixedRate.options.parse({ requestCount: 1, sharedPrefix: { groups: 1, tokens: 100 } })
    const workload = fixedRate.build(options, context(7, 32))
    expect([workload.prefixGroupTokens, drained(workload)[0]!.ids]).toEqual([32, [0, 1, 2]])
  })

  test('is refused where its blocks cannot be numbered', async () => {
    const options = poisson.options.parse({ sharedPrefix: { groups: 1_000_000, tokens: 10_000_000 } })
    expect((await errorOf(() => poisson.build(options, context()))).path).toBe('workload.sharedPrefix')
  })

  test('is absent unless asked for', () => {
    const workload = poisson.build(poisson.options.parse({}), context())
    expect([workload.prefixGroupTokens, drained(workload)[0]!.ids]).toEqual([0, []])
  })
})

test('a run that outlasts the clock is refused', async () => {
  const options = poisson.options.parse({ ratePerSecond: 0.001, requestCount: 1_000_000_000 })
  expect((await errorOf(() => poisson.build(options, context()))).path).toBe('workload.ratePerSecond')
})

test.each([
  { ratePerSecond: 0 },
  { ratePerSecond: Number.NaN },
  { requestCount: 0 },
  { requestCount: 1.5 },
  { rate: 3 },
  { sharedPrefix: { groups: 0, tokens: 1 } },
])('refuses %j', (options) => {
  expect(poisson.options.safeParse(options).success).toBe(false)
})

test('tenants are drawn by their weights, with their priorities', () => {
  const workload = poisson.build(
    poisson.options.parse({ requestCount: 4000, tenants: [{ share: 1, priority: 5 }, { share: 3 }] }),
    context(),
  )
  const draft = emptyDraft()
  const counts = [0, 0]
  while (workload.next(draft) === 1) {
    counts[draft.tenant]!++
    expect(draft.priority).toBe(draft.tenant === 0 ? 5 : 0)
  }
  // Four standard deviations of a binomial count.
  expect(Math.abs(counts[0]! - 1000)).toBeLessThan(4 * Math.sqrt(4000 * 0.25 * 0.75))
})

test('outputs under a limit end by themselves, and none is longer', () => {
  const options = { requestCount: 200, outputTokens: { uniform: [1, 100] }, outputLimitTokens: 50 }
  const workload = poisson.build(poisson.options.parse(options), context())
  const draft = emptyDraft()
  let cut = 0
  while (workload.next(draft) === 1) {
    expect(draft.outputLimitTokens).toBe(50)
    expect(draft.outputTokens).toBeLessThanOrEqual(50)
    if (draft.outputTokens === 50) cut++
  }
  expect(cut).toBeGreaterThan(50)
})
