import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MaxMin } from './max-min.js'

const unlimited = () => Number.POSITIVE_INFINITY

/** Rates of flows that are given by their links, all begun at once. */
function ratesOf(capacities: number[], flows: number[][], limits: number[] = [], order = flows.map((_, i) => i)) {
  const sharing = new MaxMin(Float64Array.from(capacities), capacities.length)
  for (const flow of order) {
    sharing.announce(flow, Int32Array.from(flows[flow]!), flows[flow]!.length)
    sharing.enter(flow)
  }
  sharing.rate((flow) => limits[flow] ?? Number.POSITIVE_INFINITY)
  for (let i = 0; i < sharing.reachedCount; i++) sharing.rates[sharing.reached[i]!] = sharing.found[sharing.reached[i]!]!
  return { sharing, rates: flows.map((_, flow) => sharing.rates[flow]!) }
}

describe('by hand', () => {
  test('two flows halve a link, and a third has its own', () => {
    expect(ratesOf([10, 4], [[0], [0], [1]]).rates).toEqual([5, 5, 4])
  })

  test('what a flow cannot use for a narrower link goes to the other', () => {
    // The textbook's line of links: one flow over both, one on each.
    expect(ratesOf([1, 2], [[0, 1], [0], [1]]).rates).toEqual([0.5, 0.5, 1.5])
  })

  test('shares of three levels', () => {
    // Link 0 of 9 is filled by three at 3 each; link 1 of 10 has 7 left for two; link 2 of 20 has 16.5 for the last.
    expect(ratesOf([9, 10, 20], [[0], [0], [0, 1], [1], [1, 2], [2]]).rates).toEqual([3, 3, 3, 3.5, 3.5, 16.5])
  })

  test('a flow that is limited by itself leaves the rest to others', () => {
    expect(ratesOf([10], [[0], [0], [0]], [1, Number.POSITIVE_INFINITY, 100]).rates).toEqual([1, 4.5, 4.5])
  })

  test('a flow that may send nothing takes nothing', () => {
    expect(ratesOf([10], [[0], [0]], [0]).rates).toEqual([0, 10])
  })
})

const network = fc
  .record({ capacities: fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { minLength: 1, maxLength: 12 }) })
  .chain(({ capacities }) =>
    fc.record({
      capacities: fc.constant(capacities),
      flows: fc.array(fc.uniqueArray(fc.nat(capacities.length - 1), { minLength: 1, maxLength: Math.min(5, capacities.length) }), {
        minLength: 1,
        maxLength: 24,
      }),
      limits: fc.array(fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ min: 0, max: 200, noNaN: true })), {
        minLength: 24,
        maxLength: 24,
      }),
      seed: fc.nat(),
    }),
  )

/** Deterministic reordering. */
function shuffled(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => i).sort((a, b) => ((a * 7919 + seed) % 104_729) - ((b * 7919 + seed) % 104_729))
}

describe('laws', () => {
  test('no link carries more than it can, and every flow is held by its limit or by a full link on which none is faster', () => {
    fc.assert(
      fc.property(network, ({ capacities, flows, limits }) => {
        const { rates } = ratesOf(capacities, flows, limits)
        const load = capacities.map((_, link) => flows.reduce((sum, links, flow) => sum + (links.includes(link) ? rates[flow]! : 0), 0))
        const full = (link: number) => load[link]! >= capacities[link]! * (1 - 1e-9)
        for (const [link, capacity] of capacities.entries()) expect(load[link]).toBeLessThanOrEqual(capacity * (1 + 1e-9))
        for (const [flow, links] of flows.entries()) {
          const rate = rates[flow]!
          expect(rate).toBeLessThanOrEqual(limits[flow]!)
          const isFastest = (link: number) => flows.every((other, i) => !other.includes(link) || rates[i]! <= rate * (1 + 1e-9))
          expect(rate === limits[flow] || links.some((link) => full(link) && isFastest(link)), `flow ${flow} at ${rate}`).toBe(true)
        }
      }),
    )
  })

  test('the order of beginning changes no bit', () => {
    fc.assert(
      fc.property(network, ({ capacities, flows, limits, seed }) => {
        expect(ratesOf(capacities, flows, limits, shuffled(flows.length, seed)).rates).toEqual(ratesOf(capacities, flows, limits).rates)
      }),
    )
  })

  test('rates after flows have gone are those without them', () => {
    fc.assert(
      fc.property(network, ({ capacities, flows, limits, seed }) => {
        const gone = new Set(shuffled(flows.length, seed).slice(0, seed % flows.length))
        const { sharing } = ratesOf(capacities, flows, limits)
        for (const flow of gone) sharing.remove(flow)
        sharing.rate((flow) => limits[flow]!)
        for (let i = 0; i < sharing.reachedCount; i++) sharing.rates[sharing.reached[i]!] = sharing.found[sharing.reached[i]!]!
        const left = flows.map((_, flow) => flow).filter((flow) => !gone.has(flow))
        const alone = ratesOf(capacities, flows, limits, left)
        expect(left.map((flow) => sharing.rates[flow])).toEqual(left.map((flow) => alone.rates[flow]))
      }),
    )
  })

  test('twice the bandwidth is twice the rate', () => {
    fc.assert(
      fc.property(network, ({ capacities, flows }) => {
        const { rates } = ratesOf(capacities, flows)
        const doubled = capacities.map((c) => 2 * c)
        expect(ratesOf(doubled, flows).rates).toEqual(rates.map((rate) => 2 * rate))
      }),
    )
  })

  test('a share that is asked for is what a flow would get, and asking changes nothing', () => {
    fc.assert(
      fc.property(network, ({ capacities, flows, limits }) => {
        const [first, ...rest] = flows
        const { sharing } = ratesOf(
          capacities,
          [[0], ...rest],
          [0, ...limits],
          rest.map((_, i) => i + 1),
        )
        const now = () => rest.map((_, i) => sharing.rates[i + 1])
        const before = now()
        const share = sharing.share(Int32Array.from(first!), first!.length, 0, (flow) => limits[flow - 1]!)
        expect(sharing.dirty).toBe(false)
        expect(now()).toEqual(before)
        const own = [Number.POSITIVE_INFINITY, ...limits]
        expect(share).toBe(ratesOf(capacities, flows, own).rates[0])
      }),
    )
  })
})

test('a change looks only at what hangs together with it over shared links', () => {
  const flows = [[0], [0, 1], [2], [2, 3], [4]]
  const { sharing } = ratesOf([1, 1, 1, 1, 1], flows)
  const reachedBy = (flow: number) => {
    sharing.touch(flow)
    sharing.rate(unlimited)
    return [...sharing.reached.subarray(0, sharing.reachedCount)].sort()
  }
  expect(reachedBy(0)).toEqual([0, 1])
  expect(reachedBy(3)).toEqual([2, 3])
  expect(reachedBy(4)).toEqual([4])
})
