import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorOf } from '../../test/support.js'
import { parseTrace } from '../read-trace.js'

const line = (timestamp: unknown, input: unknown, output: unknown, ids?: unknown) =>
  `${JSON.stringify({ timestamp, input_length: input, output_length: output, ...(ids !== undefined && { hash_ids: ids }) })}\n`

test('reads ms and gives dense ids to whole groups only', () => {
  const trace = parseTrace(line(0, 1030, 5, [40, 7, 9]) + line(27_482, 1024, 6, [40, 8]) + line(27_482.5, 100, 7, [99]))
  expect([...trace.arrivalNs]).toEqual([0, 27_482_000_000, 27_482_500_000])
  expect([...trace.promptTokens]).toEqual([1030, 1024, 100])
  expect([...trace.outputTokens]).toEqual([5, 6, 7])
  expect(trace.prefixGroupTokens).toBe(512)
  expect([...trace.prefixIds]).toEqual([0, 1, 0, 2])
  expect([...trace.prefixIdCount]).toEqual([2, 2, 0])
})

test('reads ids of 53 bits, and a file without ids', () => {
  const big = Number.MAX_SAFE_INTEGER
  const trace = parseTrace(line(0, 512, 1, [big]) + line(1, 512, 1, [big - 2 ** 32]) + line(2, 512, 1, [big]))
  expect([...trace.prefixIds]).toEqual([0, 1, 0])
  expect(parseTrace(line(0, 512, 1)).prefixGroupTokens).toBe(0)
})

test('takes another group size from the option', () => {
  expect([...parseTrace(line(0, 48, 1, [5, 6, 7]), { groupTokens: 16 }).prefixIds]).toEqual([0, 1, 2])
})

test('comes back with the same columns after it is written', () => {
  const rows = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 })), { minLength: 1 })
  fc.assert(
    fc.property(rows, (list) => {
      const sorted = list.sort((a, b) => a[0] - b[0])
      // A text of its own for each prompt, so every whole group has an id that was never seen.
      let id = 0
      const text = sorted.map(([ms, prompt, output]) =>
        line(
          ms,
          prompt,
          output,
          Array.from({ length: Math.ceil(prompt / 512) }, () => id++),
        ),
      )
      const trace = parseTrace(text.join(''))
      expect([...trace.arrivalNs]).toEqual(sorted.map(([ms]) => ms * 1e6))
      expect([...trace.promptTokens]).toEqual(sorted.map(([, prompt]) => prompt))
      expect([...trace.outputTokens]).toEqual(sorted.map(([, , output]) => output))
      expect([...trace.prefixIds]).toEqual([...trace.prefixIds.keys()])
    }),
  )
})

test.each([
  ['timestamp is -1', line(-1, 1, 1)],
  ['timestamp is "0"', line('0', 1, 1)],
  ['timestamp is 1777142838338', line(1777142838338, 1, 1)],
  ['input_length is 0', line(0, 0, 1)],
  ['output_length is 0', line(0, 1, 0)],
  ['hash_ids has 2 entries; 512 prompt tokens in groups of 512 have 1', line(0, 512, 1, [1, 2])],
  ['hash_ids has 0 entries', line(0, 512, 1, [])],
  ['hash_ids is "1"', line(0, 512, 1, '1')],
  ['hash_ids[0] is -1', line(0, 512, 1, [-1])],
  ['hash_ids[1] is 0.5', line(0, 513, 1, [1, 0.5])],
  ['hash_ids[0] is 9007199254740992', line(0, 512, 1, [2 ** 53])],
])('says %s', async (message, bad) => {
  const error = await errorOf(() => parseTrace(line(0, 1, 1) + bad, { source: 'm.jsonl' }))
  expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 'm.jsonl:2'])
  expect(error.message).toContain(message)
})
