import { ServesimError } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCsv, parseCsv } from './csv.js'

describe('parseCsv', () => {
  it('reads columns by name and ignores the others', () => {
    const table = parseCsv('note,a,b\nx,1,2.5\ny,3,0.125\n', 't.csv', ['a', 'b'])
    expect([...table.numbers('a')]).toEqual([1, 3])
    expect([...table.numbers('b')]).toEqual([2.5, 0.125])
    expect(table.text('note')).toEqual(['x', 'y'])
  })

  it('reads every number exactly as Number does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 }),
        fc.integer({ min: 0, max: 9 }),
        (values, digits) => {
          const texts = values.map((value, i) => (i % 2 === 0 ? String(value) : value.toFixed(digits)))
          const table = parseCsv(`x\n${texts.join('\n')}\n`, 't.csv', ['x'])
          expect([...table.numbers('x')]).toEqual(texts.map((text) => Number(text)))
        },
      ),
    )
  })

  it('reads lines that end with carriage return and line feed', () => {
    const table = parseCsv('a,b\r\n1,2\r\n3,4.5\r\n', 't.csv', ['a', 'b'])
    expect([...table.numbers('b')]).toEqual([2, 4.5])
  })

  it('writes what it reads back', () => {
    const columns = { name: ['p', 'q'], x: [1, 0.1], y: [1e-7, 12345.678901] }
    const table = parseCsv(formatCsv(columns), 't.csv', ['name', 'x', 'y'])
    expect(table.text('name')).toEqual(columns.name)
    expect([...table.numbers('y')]).toEqual(columns.y)
  })

  it.each([
    ['an empty file', '', 't.csv', /empty/],
    ['a header alone', 'a,b\n', 't.csv', /no row/],
    ['a missing column', 'a,c\n1,2\n', 't.csv:1', /"b" is missing/],
    ['a line that lost a cell', 'a,b\n1,2\n3\n', 't.csv:3', /1 cells; the header has 2/],
    ['a line with a cell too many', 'a,b\n1,2,3\n', 't.csv:2', /3 cells/],
    ['a file cut off inside its last number', 'a,b\n1,2\n3,4', 't.csv:3', /cut off/],
    ['a word for a number', 'a,b\n1,2\n3,nan\n', 't.csv:3', /"nan"/],
    ['an empty cell', 'a,b\n1,\n', 't.csv:2', /holds ""/],
    ['a negative number', 'a,b\n1,-2\n', 't.csv:2', /"-2"/],
    ['an infinite number', 'a,b\n1,Infinity\n', 't.csv:2', /"Infinity"/],
    ['a dot', 'a,b\n1,.\n', 't.csv:2', /"\."/],
  ])('refuses %s with file and line', (_, text, path, message) => {
    const read = () => parseCsv(text, 't.csv', ['a', 'b']).numbers('b')
    expect(read).toThrow(ServesimError)
    expect(read).toThrow(message)
    expect(read).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', path }))
  })
})
