import { expect, test } from 'vitest'
import { count, number, percent, plural, seconds, signedPercent } from './numbers.js'

test('numbers show at least three significant digits, thousands apart', () => {
  expect([0, 0.01234, 1.5, 12.345, 123.45, 1234567.89, 4096, Number.NaN, Number.POSITIVE_INFINITY].map(number)).toEqual([
    '0',
    '0.0123',
    '1.500',
    '12.35',
    '123.5',
    '1,234,567.9',
    '4,096',
    '–',
    '–',
  ])
})

test('counts, shares, errors and times read as a person writes them', () => {
  expect(count(1234567)).toBe('1,234,567')
  expect([0, 0.0001, 0.1234, 1, Number.NaN].map(percent)).toEqual(['0.0 %', '< 0.1 %', '12.3 %', '100.0 %', '–'])
  expect([1.234, -1.234, 0, Number.NaN].map(signedPercent)).toEqual(['+1.23 %', '-1.23 %', '0.00 %', '–'])
  expect([0.0123, 12.5, 3600].map(seconds)).toEqual(['12.30 ms', '12.50 s', '60.00 min'])
  expect([1, 2].map((n) => plural(n, 'request'))).toEqual(['1 request', '2 requests'])
})
