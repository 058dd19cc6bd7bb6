import { device, Registry } from '@servesim/core'
import { catalogue } from '@servesim/models'
import { describe, expect, it } from 'vitest'
import { gpu } from './index.js'

const registry = new Registry([gpu])
const context = { path: 'pools[0].device', model: 'meta-llama/Llama-3.1-8B', tensorParallel: 1 }

describe('the plugin', () => {
  it('provides each chip under its name and the usual spellings', () => {
    const spellings = {
      'h100-sxm': ['h100', 'H100'],
      'h200-sxm': ['H200'],
      'a100-80-sxm': ['a100', 'A100'],
      l40s: ['L40S'],
      'rtx-4090': ['RTX4090'],
      'rtx-pro-6000': ['RTXPRO6000'],
      'b200-sxm': ['b200', 'B200'],
      'b300-sxm': ['B300'],
      gb200: ['GB200'],
      'rtx-a6000': ['A6000'],
      t4: ['T4'],
      mi300x: ['MI300X'],
    }
    for (const [name, others] of Object.entries(spellings)) {
      for (const spelling of [name, ...others]) expect(registry.named(device, spelling, 'pools[0].device').name).toBe(name)
    }
  })

  it('builds an analytic device, of the release asked for', () => {
    const h100 = registry.named(device, 'h100', 'pools[0].device')
    expect(h100.build(h100.options.parse({}), context)).toMatchObject({ spec: { name: 'h100-sxm' }, collectives: [] })
    expect(h100.options.safeParse({ kernels: '0.24' }).success).toBe(true)
    expect(h100.options.safeParse({ kernels: '0.1' }).success).toBe(false)
    expect(h100.options.safeParse({ kernel: '0.24' }).success).toBe(false)
  })

  it('takes an imported bundle and nothing else for one', () => {
    const h100 = registry.named(device, 'h100', 'pools[0].device')
    expect(h100.options.safeParse({ bundle: './bundles/h100' }).success).toBe(false)
    expect(h100.options.safeParse({ bundle: { manifest: {} } }).success).toBe(true)
  })

  it('says that an RTX 4090 has no table of its own', () => {
    const rtx4090 = registry.named(device, 'rtx4090', 'pools[0].device').build({}, context)
    const { assumptions } = rtx4090.compile(
      {
        operators: [
          {
            kind: 'attention',
            name: 'attention',
            class: 'attention',
            repeat: 1,
            heads: 32,
            kvHeads: 8,
            headDim: 128,
            kvBytesPerElement: 2,
          },
        ],
        collectives: [],
        layers: 1,
        weightBytes: 0,
        kvBytesPerToken: 1,
        activationBytesPerToken: 0,
        outputBytesPerToken: 0,
        samplingBytesPerSequence: 0,
      },
      { tensorParallel: 1, maxBatchedTokens: 1, maxSequences: 1 },
    )
    expect(assumptions.join(' ')).toMatch(/L40S/)
  })

  it('leaves out figures that are unknown, and says what it takes instead and how far that may be off', () => {
    const mi300x = registry.named(device, 'mi300x', 'pools[0].device').build({}, context)
    expect(mi300x.spec.streamingMultiprocessors).toBeUndefined()
    expect(mi300x.spec.l2Bytes).toBeUndefined()
    const graph = catalogue.resolve('meta-llama/Llama-3.1-8B')!.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
    const limits = { tensorParallel: 1, maxBatchedTokens: 1, maxSequences: 1 }
    const { assumptions, leftOutErrors } = mi300x.compile(graph, limits)
    expect(assumptions.join(' ')).toMatch(/inherits the efficiency curves of "h200-sxm"/)
    expect(assumptions.join(' ')).toMatch(/number of its multiprocessors is unknown/)
    const own = registry.named(device, 'h200', 'pools[0].device').build({}, context).compile(graph, limits)
    expect(leftOutErrors!.analytic).toBeGreaterThan(2 * own.leftOutErrors!.analytic!)
  })
})
