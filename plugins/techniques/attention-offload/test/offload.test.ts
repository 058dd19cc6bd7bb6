import { createSimulation, isServesimError } from '@servesim/core'
import { type SmallScenario, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { attentionOffload } from '../src/index.js'

const requests = [{ arrivalNs: 0, promptTokens: 8, outputTokens: 6 }]
const build = (technique: Record<string, unknown> | undefined, more: Partial<SmallScenario> = {}) =>
  createSimulation(
    smallScenario({
      requests,
      plugins: [attentionOffload],
      pool: { techniques: technique === undefined ? [] : [{ use: 'attention-offload', ...technique }], ...more.pool },
      ...more,
    }),
  )
const meanItlNs = (technique: Record<string, unknown> | undefined) => {
  const simulation = build(technique)
  simulation.run()
  return simulation.results.itl.meanNs
}
/** Layers of the toy model, and bytes of queries, keys, values and results of a token in one of them. */
const facts = () => {
  const { stages } = build(undefined).pools[0]!
  const attention = stages[0]!.operators.find((operator) => operator.kind === 'attention')!
  return {
    layers: attention.repeat,
    bytes: (2 * attention.heads + 2 * attention.kvHeads) * attention.headDim * attention.kvBytesPerElement,
  }
}

describe('attention-offload', () => {
  it('to the same device as the pool’s changes nothing', () => expect(meanItlNs({ device: 'toy-device' })).toBe(meanItlNs(undefined)))

  it('adds in each layer the way there and back, and the waiting', () => {
    const { layers, bytes } = facts()
    const alone = meanItlNs({ device: 'toy-device' })
    const far = meanItlNs({ device: 'toy-device', linkGBps: 2, syncUs: 0.3 })
    expect(far - alone).toBeCloseTo(layers * (300 + bytes / 2), -1)
  })

  it('books the KV cache where it lies', () => {
    const plan = (technique: Record<string, unknown> | undefined) =>
      build(technique, {
        pool: { techniques: technique === undefined ? [] : [{ use: 'attention-offload', ...technique }], memory: { contextBytes: 0 } },
      }).pools[0]!.memory
    const beside = plan({ device: { use: 'toy-device', memoryBytes: 2 ** 20 } })
    expect(beside.blocks).toBe(Math.floor(2 ** 20 / beside.bytesPerBlock))
    expect(beside.kvWhere).toBe('toy-device')
    expect(plan({ device: { use: 'toy-device', memoryBytes: 2 ** 33 } }).blocks).toBeGreaterThan(plan(undefined).blocks)
  })

  it('a device that nobody provides is refused by name', () => {
    try {
      build({ device: 'nowhere' })
      expect.unreachable()
    } catch (error) {
      expect(isServesimError(error) && error.code).toBe('SERVESIM_UNKNOWN_NAME')
    }
  })
})
