import { Registry, workload } from '@servesim/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { context, drained } from '../test/support.js'
import { parseTrace } from './read-trace.js'
import { traceReader } from './trace-reader.js'
import { trace, workloads } from './workloads.js'

const recorded = parseTrace('arrived_at,num_prefill_tokens,num_decode_tokens\n1,10,20\n3,30,40\n')

test('provides generators, replay and readers by name', () => {
  const registry = new Registry([workloads])
  expect(registry.all(workload).map((entry) => entry.provided.name)).toEqual(['poisson', 'fixed-rate', 'closed-loop', 'trace'])
  expect(registry.all(traceReader).map((entry) => entry.provided.name)).toEqual(['llmservingsim', 'mooncake', 'vidur', 'azure'])
})

test('replays a trace object with its options', () => {
  const options = trace.options.parse({ trace: recorded, rateScale: 2, limit: 1 })
  expect(drained(trace.build(options, context()))).toEqual([{ arrivalNs: 5e8, promptTokens: 10, outputTokens: 20, ids: [] }])
})

test.each([undefined, null, 5, 'day.jsonl', {}, { arrivalNs: [1], promptTokens: [1], prefixIds: [] }])('refuses %j as a trace', (value) => {
  expect(trace.options.safeParse({ trace: value }).success).toBe(false)
})

test('describes every option of every provider', () => {
  for (const { provided } of new Registry([workloads]).all(workload)) {
    const { properties } = z.toJSONSchema(provided.options, { io: 'input', unrepresentable: 'any' })
    for (const [name, property] of Object.entries(properties ?? {})) {
      expect(property, `${provided.name}.${name}`).toHaveProperty('description')
    }
  }
})
