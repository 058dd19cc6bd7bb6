import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { errorOf } from '../../test/support.js'
import { parseTrace } from '../read-trace.js'

const jsonLines = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')
const first = { input_toks: 2, output_toks: 3, arrival_time_ns: 0 }

describe('flat lines', () => {
  test('give the identity of whole groups over prompt and output', () => {
    const a = { input_toks: 3, output_toks: 2, arrival_time_ns: 5, input_tok_ids: [1, 2, 3], output_tok_ids: [4, 5] }
    const b = { input_toks: 4, output_toks: 9, arrival_time_ns: 6, input_tok_ids: [1, 2, 3, 4] }
    const c = { input_toks: 4, output_toks: 1, arrival_time_ns: 7, input_tok_ids: [3, 4, 1, 2], output_tok_ids: [5] }
    const trace = parseTrace(jsonLines(a, b, c, { ...first, arrival_time_ns: 8 }), { groupTokens: 2 })
    expect(trace.prefixGroupTokens).toBe(2)
    // a and b share [1 2][3 4]; in c the same groups stand in another context.
    expect([...trace.prefixIds]).toEqual([0, 1, 0, 1, 2, 3])
    expect([...trace.prefixStart]).toEqual([0, 2, 4, 6])
    expect([...trace.prefixIdCount]).toEqual([2, 2, 2, 0])
  })

  test('without token ids have no identity', () => {
    const trace = parseTrace(jsonLines(first))
    expect([trace.prefixGroupTokens, trace.prefixIds.length]).toEqual([0, 0])
  })

  test('come back with the same columns after they are written', () => {
    const record = fc.record({
      arrival_time_ns: fc.nat({ max: 1e6 }),
      input_tok_ids: fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 40 }),
      output_tok_ids: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 40 }),
    })
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const sorted = records.sort((a, b) => a.arrival_time_ns - b.arrival_time_ns)
        const trace = parseTrace(
          jsonLines(...sorted.map((r) => ({ ...r, input_toks: r.input_tok_ids.length, output_toks: r.output_tok_ids.length }))),
        )
        expect([...trace.arrivalNs]).toEqual(sorted.map((r) => r.arrival_time_ns))
        expect([...trace.promptTokens]).toEqual(sorted.map((r) => r.input_tok_ids.length))
        expect([...trace.outputTokens]).toEqual(sorted.map((r) => r.output_tok_ids.length))
        expect([...trace.prefixIdCount]).toEqual(sorted.map((r) => Math.floor((r.input_tok_ids.length + r.output_tok_ids.length) / 16)))
      }),
    )
  })
})

describe('sessions', () => {
  const session = (id: string, arrivalNs: number, ...toolNs: number[]) => ({
    session_id: id,
    arrival_time_ns: arrivalNs,
    sub_requests: toolNs.map((tool_duration_ns, k) => ({ input_toks: 10 + k, output_toks: 1, tool_duration_ns })),
  })

  test('stand after the requests that arrive by the clock, chained by row', () => {
    const trace = parseTrace(jsonLines(session('b', 50, 7, 8, 9), { ...first, arrival_time_ns: 60 }, session('a', 20, 5, 6)))
    expect([trace.requestCount, trace.arrivalCount]).toEqual([6, 3])
    expect([...trace.arrivalNs]).toEqual([20, 50, 60, 20, 50, 50])
    expect([...trace.promptTokens]).toEqual([10, 10, 2, 11, 11, 12])
    expect([...trace.sessions!.nextCall]).toEqual([3, 4, -1, -1, 5, -1])
    expect([...trace.sessions!.toolNs]).toEqual([5, 7, 0, 0, 8, 0])
  })

  test('default to no tool time', () => {
    const call = { input_toks: 1, output_toks: 1 }
    const trace = parseTrace(jsonLines({ arrival_time_ns: 0, sub_requests: [call, call] }))
    expect([...trace.sessions!.toolNs]).toEqual([0, 0])
  })

  test.each([
    ['sub_requests is []', { ...session('s', 0) }],
    ['sub_requests is 5', { arrival_time_ns: 0, sub_requests: 5 }],
    ['sub_requests[0] is 5', { arrival_time_ns: 0, sub_requests: [5] }],
    ['sub_requests[1].output_toks is 0', { arrival_time_ns: 0, sub_requests: [{ ...first }, { ...first, output_toks: 0 }] }],
    ['sub_requests[0].tool_duration_ns is -1', session('s', 0, -1)],
    ['session_id "known" was used before', session('known', 0, 1)],
  ])('refuse a line where %s', async (message, record) => {
    const error = await errorOf(() => parseTrace(jsonLines(session('known', 0, 1), record), { source: 's' }))
    expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 's:2'])
    expect(error.message).toContain(message)
  })
})

test.each([
  ['not valid JSON', '{"input_toks": 2, "arr\n'],
  ['expected a JSON object', '[1, 2]\n'],
  ['input_toks is missing', jsonLines({ output_toks: 3, arrival_time_ns: 0 })],
  ['input_toks is -2', jsonLines({ ...first, input_toks: -2 })],
  ['input_toks is "2"', jsonLines({ ...first, input_toks: '2' })],
  ['input_toks is 1e+30', jsonLines({ ...first, input_toks: 1e30 })],
  ['output_toks is 0', jsonLines({ ...first, output_toks: 0 })],
  ['output_toks is 1.5', jsonLines({ ...first, output_toks: 1.5 })],
  ['arrival_time_ns is -1', jsonLines({ ...first, arrival_time_ns: -1 })],
  ['arrival_time_ns is null', jsonLines({ ...first, arrival_time_ns: Number.NaN })],
  ['arrival_time_ns is 1777142838338653000', jsonLines({ ...first, arrival_time_ns: 1777142838338653000 })],
  ['input_tok_ids has 1 entries, input_toks says 2', jsonLines({ ...first, input_tok_ids: [1] })],
  ['output_tok_ids has 2 entries, output_toks says 3', jsonLines({ ...first, input_tok_ids: [1, 2], output_tok_ids: [1, 2] })],
  ['input_tok_ids[1] is -4', jsonLines({ ...first, input_tok_ids: [1, -4] })],
  ['input_tok_ids[0] is "1"', jsonLines({ ...first, input_tok_ids: ['1', 2] })],
  ['input_tok_ids[0] is 1.5', jsonLines({ ...first, input_tok_ids: [1.5, 2] })],
  ['input_tok_ids is {}', jsonLines({ ...first, input_tok_ids: {} })],
])('says %s', async (message, line) => {
  const error = await errorOf(() => parseTrace(jsonLines(first) + line, { source: 'x.jsonl' }))
  expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 'x.jsonl:2'])
  expect(error.message).toContain(message)
})
