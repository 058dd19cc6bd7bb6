import { emptyDraft, type Workload } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drained, errorOf, type Given, given } from '../test/support.js'
import { parseTrace } from './read-trace.js'
import type { Trace } from './trace.js'
import { traceWorkload } from './trace-workload.js'

const flat = (arrivalNs: number, prompt: number, output: number, ids?: number[]) =>
  `${JSON.stringify({ input_toks: prompt, output_toks: output, arrival_time_ns: arrivalNs, input_tok_ids: ids })}\n`

const session = (arrivalNs: number, ...calls: [prompt: number, toolNs: number][]) =>
  `${JSON.stringify({
    arrival_time_ns: arrivalNs,
    sub_requests: calls.map(([prompt, toolNs]) => ({ input_toks: prompt, output_toks: 1, tool_duration_ns: toolNs })),
  })}\n`

describe('arrivals by the clock', () => {
  const trace = parseTrace(flat(10, 4, 2, [1, 2, 3, 4]) + flat(20, 5, 90) + flat(40, 6, 3, [1, 2, 3, 4, 5, 6]), { groupTokens: 2 })

  test('come as recorded, with their identity', () => {
    const workload = traceWorkload(trace)
    expect([workload.requestCount, workload.prefixGroupTokens, workload.onEnd]).toEqual([3, 2, undefined])
    expect(drained(workload)).toEqual([
      { arrivalNs: 10, promptTokens: 4, outputTokens: 2, ids: [0, 1] },
      { arrivalNs: 20, promptTokens: 5, outputTokens: 90, ids: [] },
      { arrivalNs: 40, promptTokens: 6, outputTokens: 3, ids: [0, 1, 2] },
    ])
    expect(workload.next(emptyDraft())).toBe(0)
  })

  test('come faster by the rate scale, rounded to ns', () => {
    expect(drained(traceWorkload(trace, { rateScale: 3 })).map((r) => r.arrivalNs)).toEqual([3, 7, 13])
  })

  test('stop at the limit', () => {
    const workload = traceWorkload(trace, { limit: 2 })
    expect([workload.requestCount, drained(workload).length]).toEqual([2, 2])
    expect(traceWorkload(trace, { limit: 99 }).requestCount).toBe(3)
  })

  test.each([
    ['limit', 0],
    ['limit', 1.5],
    ['limit', Number.NaN],
    ['rateScale', 0],
    ['rateScale', -1],
    ['rateScale', Number.NaN],
    ['rateScale', 1e-30],
  ])('refuse %s %s', async (option, value) => {
    const error = await errorOf(() => traceWorkload(trace, { [option]: value }))
    expect([error.code, error.path]).toEqual(['SERVESIM_BAD_OPTION', `workload.${option}`])
  })
})

/** Serves every request in the same time, one at a time in the order of arrival; completions come before arrivals, as in the engine. */
function served(workload: Workload, serviceNs: number): Given[] {
  const draft = emptyDraft()
  const all: Given[] = []
  const running: { index: number; endNs: number }[] = []
  let freeNs = 0
  for (;;) {
    const state = workload.next(draft)
    if (state === 0 && running.length === 0) return all
    const untilNs = state === 1 ? draft.arrivalNs : Number.POSITIVE_INFINITY
    const arrived = given(draft)
    while (running.length > 0 && running[0]!.endNs <= untilNs) {
      const { index, endNs } = running.shift()!
      workload.onEnd?.(index, endNs)
      if (state !== 1) break
    }
    if (state !== 1) continue
    freeNs = Math.max(freeNs, arrived.arrivalNs) + serviceNs
    running.push({ index: all.push(arrived) - 1, endNs: freeNs })
  }
}

describe('sessions', () => {
  test('release a call when the one before has ended and its tool has run', () => {
    const trace = parseTrace(session(100, [1, 7], [2, 30], [3, 99]))
    const workload = traceWorkload(trace)
    const draft = emptyDraft()
    expect([workload.requestCount, workload.next(draft), draft.arrivalNs, draft.promptTokens]).toEqual([3, 1, 100, 1])
    expect(workload.next(draft)).toBe(2)
    workload.onEnd!(0, 500)
    expect([workload.next(draft), draft.arrivalNs, draft.promptTokens]).toEqual([1, 507, 2])
    expect(workload.next(draft)).toBe(2)
    workload.onEnd!(1, 600)
    expect([workload.next(draft), draft.arrivalNs, draft.promptTokens]).toEqual([1, 630, 3])
    expect(workload.next(draft)).toBe(0)
  })

  test('go on beside arrivals by the clock, in order of time', () => {
    const trace = parseTrace(session(0, [1, 5], [2, 0]) + flat(100, 3, 1) + flat(200, 4, 1))
    const workload = traceWorkload(trace)
    const draft = emptyDraft()
    workload.next(draft)
    workload.onEnd!(0, 50)
    expect(drained(workload).map((r) => [r.arrivalNs, r.promptTokens])).toEqual([
      [55, 2],
      [100, 3],
      [200, 4],
    ])
  })

  test('count as one arrival in the limit and bring all their calls', () => {
    const trace = parseTrace(session(0, [1, 0], [2, 0], [3, 0]) + flat(5, 4, 1))
    expect(traceWorkload(trace, { limit: 1 }).requestCount).toBe(3)
    expect(served(traceWorkload(trace, { limit: 1 }), 10).map((r) => r.promptTokens)).toEqual([1, 2, 3])
  })

  test('give every request once, in order of arrival, and no call before the one before it has ended', () => {
    const call = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat({ max: 40 }))
    const sessions = fc.array(fc.tuple(fc.nat({ max: 200 }), fc.array(call, { minLength: 1, maxLength: 4 })), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(sessions, fc.integer({ min: 1, max: 30 }), (list, serviceNs) => {
        const trace: Trace = parseTrace(list.map(([arrivalNs, calls]) => session(arrivalNs, ...calls)).join(''))
        const workload = traceWorkload(trace)
        const all = served(workload, serviceNs)
        expect(all.length).toBe(workload.requestCount)
        expect(all.length).toBe(trace.requestCount)
        for (let i = 1; i < all.length; i++) expect(all[i]!.arrivalNs).toBeGreaterThanOrEqual(all[i - 1]!.arrivalNs)
        expect(all.map((r) => r.promptTokens).sort((a, b) => a - b)).toEqual([...trace.promptTokens].sort((a, b) => a - b))
      }),
    )
  })
})
