import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorOf } from '../../test/support.js'
import { parseTrace } from '../read-trace.js'

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens\n'
const arrivals = (...times: string[]) => [...parseTrace(HEADER + times.map((time) => `${time},5,6`).join('\n')).arrivalNs]

test('keeps all seven fraction digits and starts at the first row', () => {
  expect(arrivals('2023-11-16 18:17:03.9799600', '2023-11-16 18:17:04.0000001', '2023-11-17 00:00:00')).toEqual([
    0, 20_040_100, 20_576_020_040_000,
  ])
})

test('starts at the earliest row where the file is not sorted', () => {
  expect(arrivals('2024-05-10 00:00:02', '2024-05-10 00:00:00.5', '2024-05-10 00:00:01')).toEqual([0, 500_000_000, 1_500_000_000])
})

test('reads zones and whole seconds beside fractions, as the traces of 2024 mix them', () => {
  expect(arrivals('2024-05-10 00:00:00.009930+00:00', '2024-05-10 00:00:01+00:00')).toEqual([0, 990_070_000])
  expect(arrivals('2024-05-10T00:00:00Z', '2024-05-10 02:00:01+02:00', '2024-05-09 19:30:02-0430')).toEqual([0, 1e9, 2e9])
  expect(arrivals('2024-02-29 23:59:59', '2024-03-01 00:00:00')).toEqual([0, 1e9])
})

test('comes back with the same columns after it is written', () => {
  const rows = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 86_399 }), fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: 1, max: 9999 })),
    {
      minLength: 1,
    },
  )
  fc.assert(
    fc.property(rows, (list) => {
      const inOrder = list.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      const two = (value: number) => String(value).padStart(2, '0')
      const lines = inOrder.map(([second, ticks, tokens]) => {
        const clock = `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`
        return `2023-11-16 ${clock}.${String(ticks).padStart(7, '0')},${tokens},${tokens + 1}`
      })
      const trace = parseTrace(HEADER + lines.join('\r\n'))
      const ns = ([second, ticks]: readonly [number, number, number]) => second * 1e9 + ticks * 100
      expect([...trace.arrivalNs]).toEqual(inOrder.map((row) => ns(row) - ns(inOrder[0]!)))
      expect([...trace.promptTokens]).toEqual(inOrder.map(([, , tokens]) => tokens))
      expect([...trace.outputTokens]).toEqual(inOrder.map(([, , tokens]) => tokens + 1))
    }),
  )
})

test.each([
  '2023-11-16',
  '2023-13-01 00:00:00',
  '2023-02-29 00:00:00',
  '2023-11-00 00:00:00',
  '2023-11-16 24:00:00',
  '2023-11-16 00:60:00',
  '2023-11-16 00:00:60',
  '2023-11-16 00:00:00.1234567890',
  '2023-11-16 00:00:00 PST',
  '1700158623.98',
  '',
])('says that TIMESTAMP "%s" is no time', async (time) => {
  const error = await errorOf(() => parseTrace(`${HEADER}2023-11-16 18:17:03,5,6\n${time},5,6\n`, { source: 'a.csv' }))
  expect([error.code, error.path]).toEqual(['SERVESIM_BAD_TRACE', 'a.csv:3'])
  expect(error.message).toContain('TIMESTAMP is')
})

test('refuses rows further apart than exact ns reach', async () => {
  expect((await errorOf(() => arrivals('2023-11-16 00:00:00', '2024-11-16 00:00:00'))).message).toContain('104 days')
})
