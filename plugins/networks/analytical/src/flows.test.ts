import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Play, play } from './play.fixture.js'

const one = (more: Partial<Play> = {}): Play => ({ atNs: 0, route: [0], bytes: 1000, ...more })
const endsOf = (capacities: number[], plays: Play[], latencyNs = 0) => play(capacities, plays, latencyNs).ends

describe('by hand', () => {
  test('two flows on one link take twice as long, a third elsewhere is untouched', () => {
    expect(endsOf([10, 10], [one()])).toEqual([100])
    expect(endsOf([10, 10], [one(), one(), one({ route: [1] })])).toEqual([200, 200, 100])
  })

  test('a flow that ends or is cancelled speeds up the other', () => {
    // The short one is through after 100 at half speed; the long one has 500 left at full speed.
    expect(endsOf([10], [one(), one({ bytes: 500 })])).toEqual([150, 100])
    expect(endsOf([10], [one(), one({ cancelNs: 60 })])).toEqual([130, undefined])
  })

  test('one that begins in the middle slows the other from then on', () => {
    expect(endsOf([10], [one(), one({ atNs: 50 })])).toEqual([150, 200])
  })

  test('latency comes first and holds no link', () => {
    expect(endsOf([10], [one(), one({ bytes: 500 })], 30)).toEqual([180, 130])
    expect(endsOf([10], [one({ bytes: 0 })], 30)).toEqual([30])
    expect(endsOf([10], [one({ route: [] })], 30)).toEqual([30])
  })

  test('an end is rounded to the nanosecond', () => {
    expect(endsOf([3], [one({ bytes: 100 }), one({ atNs: 40, bytes: 101 })])).toEqual([33, 74])
  })

  test('what comes into being slowly takes no more of the link than that', () => {
    // 1000 bytes over 500 ns are 2 a ns; the other has 8.
    expect(endsOf([10], [one({ fromNs: 0, toNs: 500 }), one({ bytes: 800 })])).toEqual([500, 100])
  })

  test('what was held up catches up at full speed, then goes on at its pace', () => {
    // Held to 1 a ns until 100 with 200 in being, it has 100 to catch up at 10 against 2: 12.5 ns.
    const slow = one({ fromNs: 0, toNs: 500 })
    const others = Array.from({ length: 9 }, () => one({ bytes: 100 }))
    const { ends } = play([10], [slow, ...others])
    expect(ends[1]).toBe(100)
    expect(ends[0]).toBe(500)
  })

  test('the last of several pieces leaves when it exists', () => {
    expect(endsOf([10], [one({ toNs: 500, chunks: 4 })])).toEqual([525])
    expect(endsOf([10], [one({ toNs: 20, chunks: 4 })])).toEqual([100])
    expect(endsOf([10], [one({ toNs: 500, chunks: 1 })])).toEqual([600])
    expect(endsOf([10], [one({ fromNs: 100, toNs: 500, chunks: 4 })], 7)).toEqual([532])
  })

  test('a window that lies behind is no window', () => {
    expect(endsOf([10], [one({ atNs: 900, fromNs: 100, toNs: 500 })])).toEqual([1000])
    expect(endsOf([10], [one({ atNs: 400, fromNs: 100, toNs: 500, chunks: 8 })])).toEqual([513])
  })
})

const window = fc.record({ fromNs: fc.nat(2000), lengthNs: fc.nat(5000), chunks: fc.constantFrom(1, 2, 32, Number.POSITIVE_INFINITY) })

test('a hand-over never beats the wire and never exceeds the last byte’s instant and the transfer', () => {
  fc.assert(
    fc.property(
      window,
      fc.nat(3000),
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0.5, max: 500, noNaN: true }),
      (w, atNs, bytes, rate) => {
        const { fromNs, lengthNs, chunks } = w
        const toNs = fromNs + lengthNs
        const [end] = endsOf([rate], [{ atNs, route: [0], bytes, fromNs, toNs, chunks }], 10)
        const begin = Math.max(atNs, fromNs)
        expect(end).toBeGreaterThanOrEqual(begin + 10 + Math.round(bytes / rate) - 1)
        expect(end).toBeGreaterThanOrEqual(toNs + 10)
        expect(end).toBeLessThanOrEqual(Math.max(begin, toNs) + 10 + Math.ceil(bytes / rate) + 1)
        // The law of the staircase, where the link is the flow's own.
        const exact = 10 + Math.max(begin + bytes / rate, toNs + bytes / chunks / rate)
        if (atNs <= fromNs) expect(Math.abs(end! - exact)).toBeLessThanOrEqual(1)
      },
    ),
  )
})

/** Capacities, and flows over them that begin, wait for their bytes and are cancelled at random. */
const scene = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 6 }).chain((capacities) => {
  const flow = fc.record({
    atNs: fc.nat(3000),
    route: fc.uniqueArray(fc.nat(capacities.length - 1), { minLength: 1, maxLength: 3 }),
    bytes: fc.integer({ min: 0, max: 50_000 }),
    fromNs: fc.nat(4000),
    lengthNs: fc.oneof(fc.constant(0), fc.nat(3000)),
    chunks: fc.constantFrom(1, 4, Number.POSITIVE_INFINITY),
    cancelNs: fc.oneof(fc.constant(undefined), fc.nat(9000)),
  })
  return fc.record({ capacities: fc.constant(capacities), plays: fc.array(flow, { minLength: 1, maxLength: 12 }), latencyNs: fc.nat(50) })
})

const played = (plays: readonly { fromNs: number; lengthNs: number; atNs: number; cancelNs?: number | undefined }[]): Play[] =>
  plays.map(({ lengthNs, cancelNs, ...rest }) => ({
    ...(rest as unknown as Play),
    toNs: rest.fromNs + lengthNs,
    ...(cancelNs === undefined ? {} : { cancelNs: Math.max(rest.atNs, cancelNs) }),
  }))

describe('laws', () => {
  test('bytes are conserved, and no link carries more than it can', () => {
    fc.assert(
      fc.property(scene, ({ capacities, plays, latencyNs }) => {
        const list = played(plays)
        const { ends, carried, nowNs } = play(capacities, list, latencyNs)
        for (const [i, { cancelNs }] of list.entries()) expect(ends[i] !== undefined || cancelNs !== undefined).toBe(true)
        for (const [link, bytes] of carried.entries()) {
          const users = list.map((flow, i) => ({ flow, end: ends[i] })).filter(({ flow }) => flow.route.includes(link))
          const done = users.filter(({ end }) => end !== undefined).reduce((sum, { flow }) => sum + flow.bytes, 0)
          const all = users.reduce((sum, { flow }) => sum + flow.bytes, 0)
          expect(bytes).toBeGreaterThanOrEqual(done - 1e-6)
          expect(bytes).toBeLessThanOrEqual(all + 1e-6)
          // Each end is rounded, by less than a nanosecond of its rate.
          expect(bytes).toBeLessThanOrEqual(capacities[link]! * (nowNs + users.length))
        }
      }),
    )
  })

  test('no flow is faster than alone, nor done before its last byte exists', () => {
    fc.assert(
      fc.property(scene, ({ capacities, plays, latencyNs }) => {
        const list = played(plays)
        const { ends } = play(capacities, list, latencyNs)
        for (const [i, flow] of list.entries()) {
          if (ends[i] === undefined) continue
          expect(ends[i]).toBeGreaterThanOrEqual(flow.toNs! + latencyNs)
          const alone = endsOf(capacities, [{ ...flow, cancelNs: Number.MAX_SAFE_INTEGER }], latencyNs)[0]!
          expect(ends[i]).toBeGreaterThanOrEqual(alone - 2)
        }
      }),
    )
  })

  test('the order in which flows of one instant are told changes nothing', () => {
    fc.assert(
      fc.property(scene, ({ capacities, plays, latencyNs }) => {
        const list = played(plays)
        const { ends } = play(capacities, list, latencyNs)
        expect(endsOf(capacities, list.toReversed(), latencyNs).toReversed()).toEqual(ends)
      }),
    )
  })

  test('what shares no link with the others, directly or not, ends as if they were not there', () => {
    fc.assert(
      fc.property(scene, scene, (mine, others) => {
        const mineAlone = play(mine.capacities, played(mine.plays), 20).ends
        const shifted = played(others.plays).map((flow) => ({ ...flow, route: flow.route.map((link) => link + mine.capacities.length) }))
        const { ends } = play([...mine.capacities, ...others.capacities], [...played(mine.plays), ...shifted], 20)
        expect(ends.slice(0, mineAlone.length)).toEqual(mineAlone)
      }),
    )
  })

  test('a flow that is cancelled at once was never there, and one that is cancelled leaves the rest all it had', () => {
    fc.assert(
      fc.property(scene, fc.nat(11), ({ capacities, plays, latencyNs }, which) => {
        const list = played(plays)
        const victim = which % list.length
        const cancelled = list.with(victim, { ...list[victim]!, cancelNs: list[victim]!.atNs })
        const without = list.filter((_, i) => i !== victim)
        const { ends } = play(capacities, cancelled, latencyNs)
        expect(ends.filter((_, i) => i !== victim)).toEqual(endsOf(capacities, without, latencyNs))
      }),
    )
  })

  test('twice the bandwidth halves what is measured', () => {
    fc.assert(
      fc.property(scene, ({ capacities, plays }) => {
        const list = played(plays).map(({ route, bytes }) => ({ atNs: 0, route, bytes: bytes * 1000 }))
        const [once, twice] = [capacities, capacities.map((c) => 2 * c)].map((rates) => endsOf(rates, list))
        for (const [i, end] of once!.entries()) expect(Math.abs(end! - 2 * twice![i]!)).toBeLessThanOrEqual(2 * list.length)
      }),
    )
  })
})

test('an estimate is what a flow takes that starts now, where nothing else begins or ends', () => {
  fc.assert(
    fc.property(scene, fc.nat(3000), fc.integer({ min: 1, max: 1e4 }), ({ capacities, plays, latencyNs }, atNs, bytes) => {
      // Endless flows, some of them at a pace of their own.
      const background = plays.map(({ route, lengthNs }) => ({ atNs: 0, route, bytes: 1e9, fromNs: 0, toNs: lengthNs * 1e6 }))
      const asked = { atNs: atNs + 100, route: plays[0]!.route, bytes }
      const estimated = endsOf(capacities, [...background, { ...asked, estimate: true }], latencyNs).at(-1)!
      const cancelled = background.map((flow) => ({ ...flow, cancelNs: 1e7 }))
      expect(endsOf(capacities, [...cancelled, asked], latencyNs).at(-1)).toBe(estimated)
      // Who asks changes nothing.
      const asking = [...cancelled, { ...asked, estimate: true }, { ...asked, atNs: atNs + 101 }]
      expect(endsOf(capacities, asking, latencyNs).at(-1)).toBe(
        endsOf(capacities, [...cancelled, { ...asked, atNs: atNs + 101 }], latencyNs).at(-1),
      )
    }),
  )
})

test('a flow that is cancelled was one of as many bytes as it had sent', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 50 }), (count, rounds) => {
      // At 12 bytes a ns, shared by equals, it has sent a whole number by any multiple of `count` ns.
      const cancelNs = rounds * count
      const rest = Array.from({ length: count - 1 }, (_, i) => one({ bytes: 5000 + 700 * i }))
      const cancelled = endsOf([12], [...rest, one({ bytes: 1e6, cancelNs })])
      const ended = endsOf([12], [...rest, one({ bytes: 12 * rounds })])
      expect(cancelled.slice(0, -1)).toEqual(ended.slice(0, -1))
    }),
  )
})
