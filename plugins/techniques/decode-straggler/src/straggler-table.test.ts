import { createRandomSource } from '@servesim/core'
import { type SplitKernel, splitsOf } from '@servesim/profile'
import { expect, test } from 'vitest'
import { likelyContexts } from './batch-shape.js'
import { issueOrder, kernelNs } from './list-schedule.js'
import { StragglerTable } from './straggler-table.js'

/** RTX PRO 6000 and Llama-3.1-8B. */
const kernel: SplitKernel = { multiprocessors: 188, kvHeads: 8, blockNs: 22, sharedNs: 0.335 }

test('interpolated entries stay within 2 % of a kernel scheduled for the very batch, in random orders', () => {
  const random = createRandomSource(1).stream('order', 0)
  const table = new StragglerTable(kernel)
  let sum = 0
  const cases = 150
  for (let i = 0; i < cases; i++) {
    const decodes = 2 + random.integer(127)
    const launched = 8 * Math.ceil(decodes / 8)
    const splits = splitsOf(kernel, launched)
    const mean = 0.15 + 0.8 * random.uniform()
    const ascending = likelyContexts(decodes, Math.max(mean, 1 / decodes))
    let exact = 0
    const orders = 6
    for (let order = 0; order < orders; order++) {
      const contexts = ascending.slice()
      for (let j = decodes - 1; j > 0; j--) {
        const k = random.integer(j + 1)
        const swapped = contexts[j]!
        contexts[j] = contexts[k]!
        contexts[k] = swapped
      }
      exact += kernelNs(issueOrder(contexts, kernel.kvHeads, splits), kernel) / orders
    }
    const equal = kernelNs(issueOrder(new Float64Array(decodes).fill(Math.max(mean, 1 / decodes)), kernel.kvHeads, splits), kernel)
    sum += Math.abs((equal + table.decodeRow(decodes, launched).extraNs(Math.max(mean, 1 / decodes), 1)) / exact - 1)
  }
  expect(sum / cases).toBeLessThan(0.02)
})

test('equal contexts take nothing extra', () => {
  const table = new StragglerTable(kernel)
  for (const decodes of [2, 7, 33, 40, 71, 128]) {
    expect(table.decodeRow(decodes, decodes).extraNs(1000, 1000)).toBe(0)
    expect(table.mixedRow(decodes).extraNs(1000, 1000)).toBe(0)
  }
})

test('extra time scales with the contexts and grows with the longest', () => {
  const row = new StragglerTable(kernel).decodeRow(64, 64)
  expect(row.extraNs(3000, 9000)).toBeCloseTo(3 * row.extraNs(1000, 3000), 6)
  const growing = [1500, 2000, 3000, 4000, 8000].map((longest) => row.extraNs(1000, longest))
  expect([...growing].sort((a, b) => a - b)).toEqual(growing)
})

test('a launch that splits sequences waits less for the longest than one that does not', () => {
  const table = new StragglerTable(kernel)
  expect(splitsOf(kernel, 32)).toBeGreaterThan(1)
  expect(splitsOf(kernel, 40)).toBe(1)
  expect(table.decodeRow(32, 32).extraNs(1000, 4000)).toBeLessThan(0.6 * table.decodeRow(32, 40).extraNs(1000, 4000))
  expect(table.mixedRow(32).extraNs(1000, 4000)).toBe(table.decodeRow(32, 40).extraNs(1000, 4000))
})
