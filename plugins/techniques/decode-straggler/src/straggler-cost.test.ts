import type { StepCost } from '@servesim/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeStraggler } from './index.js'
import { linkOf, poolContext, priced, pricedRun, stepOf } from './link.fixture.js'

const next: StepCost = {
  reads: 'shape',
  price(step, _startNs, out) {
    out.attentionNs = step.decodeContextSum * 0.1 + step.prefillWork * 0.01
  },
  priceRun(step, count, _startNs, out) {
    for (let j = 0; j < count; j++) out.attentionNs[j] = (step.decodeContextSum + j * step.decodes) * 0.1
  },
}

const straggler = { streamingMultiprocessors: 188, blockNsPerContextToken: 22.15, sharedNsPerContextToken: 2.68, source: 'test' }
const link = linkOf(decodeStraggler, 'decode-straggler')
const cost = link.wrap(next, poolContext({ straggler }))

const uneven = { decodes: 64, decodeContextSum: 64_000, longestDecodeContext: 4000 }

test('a run of steps costs what its steps cost one by one, to the last bit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.nat(4000),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(8),
      (decodes, mean, above, count, padding) => {
        const step = stepOf({
          decodes,
          decodeContextSum: decodes * mean,
          longestDecodeContext: mean + (decodes > 1 ? above : 0),
          paddedSequences: decodes + padding,
        })
        const { single, run } = pricedRun(cost, step, count)
        expect(run).toEqual(single)
      },
    ),
    { numRuns: 60 },
  )
})

test('layers pay alike', () => {
  const extra = (layers: number) =>
    priced(link.wrap(next, poolContext({ straggler, layers })), stepOf(uneven)).attentionNs - priced(next, stepOf(uneven)).attentionNs
  expect(extra(1)).toBeGreaterThan(0)
  expect(extra(32)).toBeCloseTo(32 * extra(1), 6)
})

test('the padded batch decides whether the kernel splits', () => {
  const batch = { decodes: 33, decodeContextSum: 33_000, longestDecodeContext: 4000 }
  expect(priced(cost, stepOf({ ...batch, paddedSequences: 40 })).attentionNs).toBeGreaterThan(priced(cost, stepOf(batch)).attentionNs)
})

test('decodes beside prefill wait too, prefill alone does not', () => {
  const prefill = { prefills: 1, prefillTokens: 512, prefillWork: 131_072 }
  expect(priced(cost, stepOf({ ...uneven, ...prefill })).attentionNs).toBeGreaterThan(
    priced(next, stepOf({ ...uneven, ...prefill })).attentionNs,
  )
  expect(priced(cost, stepOf(prefill))).toEqual(priced(next, stepOf(prefill)))
})

test('equal contexts, and a sequence alone, cost what the device says', () => {
  for (const decodes of [1, 2, 40, 100]) {
    const step = stepOf({ decodes, decodeContextSum: decodes * 777, longestDecodeContext: 777 })
    expect(priced(cost, step)).toEqual(priced(next, step))
  }
})

test('where the kernel is not known there is no correction', () => {
  expect(link.wrap(next, poolContext({}))).toBe(next)
})
