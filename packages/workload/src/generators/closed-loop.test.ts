import { emptyDraft } from '@servesim/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { context } from '../../test/support.js'
import { closedLoop } from './closed-loop.js'

const build = (options: object) => closedLoop.build(closedLoop.options.parse(options), context())

test('all users ask at once, and each again after the answer and a pause', () => {
  const loop = build({ concurrency: 2, requestCount: 4, thinkTimeMs: 0.001 })
  const draft = emptyDraft()
  expect([loop.next(draft), draft.arrivalNs, loop.next(draft), draft.arrivalNs, loop.next(draft)]).toEqual([1, 0, 1, 0, 2])
  loop.onEnd!(1, 500)
  expect([loop.next(draft), draft.arrivalNs, loop.next(draft)]).toEqual([1, 1500, 2])
  loop.onEnd!(0, 700)
  loop.onEnd!(2, 1600)
  expect([loop.next(draft), draft.arrivalNs, loop.next(draft)]).toEqual([1, 1700, 0])
})

test('never has more requests under way than users, gives all of them, and never goes back in time', () => {
  const serviceTimes = fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 20 })
  const users = fc.integer({ min: 1, max: 8 })
  fc.assert(
    fc.property(
      users,
      fc.integer({ min: 1, max: 40 }),
      fc.nat({ max: 20 }),
      serviceTimes,
      (concurrency, requestCount, thinkNs, services) => {
        const loop = build({ concurrency, requestCount, thinkTimeMs: thinkNs / 1e6 })
        const draft = emptyDraft()
        const running: { index: number; endNs: number }[] = []
        let count = 0
        let lastNs = 0
        for (let state = loop.next(draft); state !== 0; state = loop.next(draft)) {
          if (state === 1) {
            expect(draft.arrivalNs).toBeGreaterThanOrEqual(lastNs)
            lastNs = draft.arrivalNs
            running.push({ index: count, endNs: lastNs + services[count++ % services.length]! })
            expect(running.length).toBeLessThanOrEqual(concurrency)
          } else {
            running.sort((a, b) => a.endNs - b.endNs || a.index - b.index)
            const ended = running.shift()!
            loop.onEnd!(ended.index, Math.max(ended.endNs, lastNs))
          }
        }
        expect(count).toBe(requestCount)
      },
    ),
  )
})

test.each([{ concurrency: 0 }, { concurrency: Number.NaN }, { thinkTimeMs: -1 }, { thinkTimeMs: 1e30 }])('refuses %j', (options) => {
  expect(closedLoop.options.safeParse(options).success).toBe(false)
})
