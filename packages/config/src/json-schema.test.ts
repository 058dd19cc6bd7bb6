import { Registry } from '@servesim/core'
import { expect, test } from 'vitest'
import { toys } from '../test/toy-plugins.js'
import { scenarioJsonSchema } from './json-schema.js'

test('the JSON Schema offers the options of every provider and requires nothing', () => {
  const schema = scenarioJsonSchema(new Registry([toys])) as {
    required?: unknown
    properties: Record<string, { anyOf?: unknown[]; items?: { properties: Record<string, { anyOf?: unknown[]; items?: unknown }> } }>
  }
  expect(schema.required).toBeUndefined()
  expect(schema.properties.router!.anyOf).toMatchObject([
    { properties: { use: { enum: ['toy-router'] }, waitingWeight: { default: 4 } }, additionalProperties: false },
  ])
  const pool = schema.properties.pools!.items!.properties
  expect(pool.device!.anyOf).toMatchObject([
    { type: 'string' },
    { properties: { use: { enum: ['toy-1', 'TOY1'] }, bundle: { type: 'string' } } },
  ])
  expect(pool.techniques).toMatchObject({ type: 'array', items: { anyOf: [{ properties: { size: {} } }] } })
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
})
