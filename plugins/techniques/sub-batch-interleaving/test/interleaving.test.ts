import { createSimulation } from '@servesim/core'
import { attentionOffload } from '@servesim/technique-attention-offload'
import { smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { subBatchInterleaving } from '../src/index.js'

/** Requests that decode beside each other, on a device whose attention on memory takes about as long as all else. */
function meanItlNs(requests: number, interleaved: boolean, pool: Record<string, unknown> = {}): number {
  const offload = { use: 'attention-offload', device: { use: 'toy-device', contextNs: 20 } }
  const techniques = interleaved ? [offload, { use: 'sub-batch-interleaving' }] : [offload]
  const simulation = createSimulation(
    smallScenario({
      plugins: [attentionOffload, subBatchInterleaving],
      requests: Array.from({ length: requests }, () => ({ arrivalNs: 0, promptTokens: 4, outputTokens: 12 })),
      pool: { techniques, device: { use: 'toy-device', stepNs: 0, tokenNs: 50, sequenceNs: 0 }, ...pool },
    }),
  )
  simulation.run()
  return simulation.results.itl.meanNs
}

describe('sub-batch-interleaving', () => {
  it('is faster where both resources are busy: never below the busier one', () => {
    const sequential = meanItlNs(8, false)
    const overlapped = meanItlNs(8, true)
    expect(overlapped).toBeLessThan(0.95 * sequential)
    expect(overlapped).toBeGreaterThan(sequential / 2)
  })

  it('does not split a batch of one', () => expect(meanItlNs(1, true)).toBe(meanItlNs(1, false)))

  it('is refused where there is nothing to overlap', () => {
    const build = () =>
      createSimulation(
        smallScenario({
          plugins: [subBatchInterleaving],
          requests: [{ arrivalNs: 0, promptTokens: 4, outputTokens: 2 }],
          pool: { techniques: [{ use: 'sub-batch-interleaving' }] },
        }),
      )
    expect(build).toThrow(expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH' }))
  })
})
