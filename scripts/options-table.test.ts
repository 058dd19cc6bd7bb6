import { expect, test } from 'vitest'
import { optionsTable } from './options-table.mjs'

const table = (properties: Record<string, unknown>, required: string[] = []) =>
  optionsTable({ type: 'object', properties, required }).split('\n').slice(2)

test('an option has its type, range, default and meaning', () => {
  expect(
    table(
      {
        rate: { type: 'number', exclusiveMinimum: 0, maximum: 9, default: 8, description: 'Requests per second' },
        count: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
        release: { type: 'string', enum: ['0.19', '0.28'], default: '0.19' },
      },
      ['count'],
    ),
  ).toEqual([
    '| `rate` | `number > 0, ≤ 9` | `8` | Requests per second |',
    '| `count` | `integer ≥ 1` | required |  |',
    '| `release` | `"0.19" \\| "0.28"` | `"0.19"` |  |',
  ])
})

test('nested options are named by their path', () => {
  expect(
    table({ prefix: { type: 'object', properties: { tokens: { type: 'integer' } }, required: ['tokens'], description: 'Shared' } }),
  ).toEqual(['| `prefix` |  |  | Shared |', '| `prefix.tokens` | `integer` | required |  |'])
})

test('alternatives read like TypeScript', () => {
  const uniform = {
    type: 'object',
    properties: { uniform: { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'integer' }] } },
    required: ['uniform'],
  }
  expect(table({ length: { anyOf: [{ type: 'integer' }, uniform] } })).toEqual([
    '| `length` | `integer \\| { uniform: [integer, integer] }` |  |  |',
  ])
})

test('no option, no table', () => {
  expect(optionsTable({ type: 'object', properties: {} })).toBe('')
})
