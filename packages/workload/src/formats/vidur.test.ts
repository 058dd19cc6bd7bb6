import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorOf } from '../../test/support.js'
import { parseTrace } from '../read-trace.js'

const HEADER = 'arrived_at,num_prefill_tokens,num_decode_tokens\n'

test('reads seconds, whatever the order of columns and whatever else there is', () => {
  const trace = parseTrace('id, num_decode_tokens,arrived_at,num_prefill_tokens\r\n0,44,0.0,374\r\n1,109,4.314579,396.0\r\n')
  expect([...trace.arrivalNs]).toEqual([0, 4_314_579_000])
  expect([...trace.promptTokens]).toEqual([374, 396])
  expect([...trace.outputTokens]).toEqual([44, 109])
})

test('comes back with the same columns after it is written', () => {
  const rows = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: 1, max: 5000 })), { minLength: 1 })
  fc.assert(
    fc.property(rows, (list) => {
      const sorted = list.sort((a, b) => a[0] - b[0])
      const trace = parseTrace(HEADER + sorted.map(([us, prompt, output]) => `${us / 1e6},${prompt},${output}`).join('\n'))
      expect([...trace.arrivalNs]).toEqual(sorted.map(([us]) => us * 1000))
      expect([...trace.promptTokens]).toEqual(sorted.map(([, prompt]) => prompt))
      expect([...trace.outputTokens]).toEqual(sorted.map(([, , output]) => output))
    }),
  )
})

test.each([
  ['2 fields, the header 3', '1.0,5'],
  ['4 fields, the header 3', '1.0,5,6,7'],
  ['arrived_at is "nan"', 'nan,5,6'],
  ['arrived_at is ""', ',5,6'],
  ['arrived_at is -0.5', '-0.5,5,6'],
  ['arrived_at is 1e+30', '1e30,5,6'],
  ['num_prefill_tokens is "0x10"', '1,0x10,6'],
  ['num_prefill_tokens is 0', '1,0,6'],
  ['num_decode_tokens is -6', '1,5,-6'],
  ['num_decode_tokens is 6.5', '1,5,6.5'],
])('says %s', async (message, line) => {
  const error = await errorOf(() => parseTrace(`${HEADER}0.0,1,1\n${line}\n`, { source: 'v.csv' }))
  expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 'v.csv:3'])
  expect(error.message).toContain(message)
})

test('a last line that lacks a field is half-written', async () => {
  const error = await errorOf(() => parseTrace(`${HEADER}0.0,1,1\n2.5,30`))
  expect(error.hint).toContain('half-written')
})
