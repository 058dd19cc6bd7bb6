import fc from 'fast-check'
import { expect, test } from 'vitest'
import { beside, table, wrap } from './table.js'

test('columns stand under their titles, numbers to the right', () => {
  const columns = [
    { title: 'name', align: 'left' as const },
    { title: 'ms', align: 'right' as const },
  ]
  expect(table(columns, [['a', '1.5'], ['longer', '12.5'], ['b']])).toEqual(['name      ms', 'a        1.5', 'longer  12.5', 'b'])
})

test('wrapping keeps every word and no line is longer than asked, unless a single word is', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(words, (list) => {
      const lines = wrap(list.join(' '), 20, '  ')
      expect(lines.map((line) => line.trim()).join(' ')).toBe(list.join(' '))
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(20)
    }),
  )
})

test('a number and its percent sign stay together', () => expect(wrap('errors of 17.5 % here', 14)).toEqual(['errors of', '17.5 % here']))

test('two blocks stand beside each other', () => expect(beside(['a', 'b'], ['x'], 4)).toEqual(['a   x', 'b']))
