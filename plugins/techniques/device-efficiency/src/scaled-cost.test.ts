import type { RunPrice, StepCost, StepPrice, StepView } from '@servesim/core'
import { expect, test } from 'vitest'
import { ScaledCost } from './scaled-cost.js'

const base: StepCost = {
  reads: 'shape',
  price(_step, _startNs, out) {
    out.fixedNs = 10
    out.attentionNs = 5
    out.hostNs = 3
  },
  priceRun(_step, count, _startNs, out) {
    out.fixedNs = 10
    out.hostNs = 3
    for (let j = 0; j < count; j++) out.attentionNs[j] = 5 + j
  },
}
const scaled = new ScaledCost(base, 1.5, 0.8)
const step = {} as StepView

test('scales operators and attention, and leaves the host alone', () => {
  const out: StepPrice = { fixedNs: 0, attentionNs: 0, hostNs: 0 }
  scaled.price(step, 0, out)
  expect(out).toEqual({ fixedNs: 15, attentionNs: 4, hostNs: 3 })
})

test('prices a run of steps as it prices each', () => {
  const run: RunPrice = { fixedNs: 0, hostNs: 0, attentionNs: new Float64Array(4) }
  scaled.priceRun(step, 3, 0, run)
  expect([...run.attentionNs]).toEqual([5 * 0.8, 6 * 0.8, 7 * 0.8, 0])
  expect(run).toMatchObject({ fixedNs: 15, hostNs: 3 })
})
