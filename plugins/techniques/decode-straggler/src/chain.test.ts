import type { StepCost, StepView } from '@servesim/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cudaGraphs } from '../../cuda-graphs/src/index.js'
import { hostTime } from '../../host-time/src/index.js'
import { decodeStraggler } from './index.js'
import { linkOf, poolContext, pricedRun, stepOf } from './link.fixture.js'

const base: StepCost = {
  reads: 'shape',
  price(step, _startNs, out) {
    out.fixedNs = 1000 * step.paddedTokens + 7 * step.sequences
    out.attentionNs = (0.13 * step.decodeContextSum) / step.decodes
    out.hostNs = 0
  },
  priceRun(step, count, _startNs, out) {
    out.fixedNs = 1000 * step.paddedTokens + 7 * step.sequences
    out.hostNs = 0
    for (let j = 0; j < count; j++) out.attentionNs[j] = (0.13 * (step.decodeContextSum + j * step.decodes)) / step.decodes
  },
}

const context = poolContext({
  straggler: { streamingMultiprocessors: 128, blockNsPerContextToken: 20, sharedNsPerContextToken: 3, source: 'test' },
  kvHeads: 4,
  maxSequences: 256,
})

const links = [
  linkOf(cudaGraphs, 'cuda-graphs'),
  linkOf(hostTime, 'host-time', { decodeStepMs: 0.3, perSequenceUs: 1.7 }),
  linkOf(decodeStraggler, 'decode-straggler'),
]

test('with all links chained a run of steps costs what its steps cost one by one, to the last bit', () => {
  const cost = links.reduceRight((next, link) => link.wrap(next, context), base)
  const steps = fc.record({
    decodes: fc.integer({ min: 2, max: 256 }),
    mean: fc.integer({ min: 1, max: 5000 }),
    above: fc.nat(5000),
    count: fc.integer({ min: 1, max: 64 }),
  })
  fc.assert(
    fc.property(steps, ({ decodes, mean, above, count }) => {
      const step: StepView = stepOf({ decodes, decodeContextSum: decodes * mean, longestDecodeContext: mean + above })
      const { single, run } = pricedRun(cost, step, count)
      expect(run).toEqual(single)
      expect(single[0]!.hostNs).toBeCloseTo(300_000 + 1700 * decodes, 6)
    }),
    { numRuns: 60 },
  )
})
