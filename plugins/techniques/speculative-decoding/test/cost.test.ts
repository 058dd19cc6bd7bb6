import {
  createSimulation,
  definePlugin,
  type ForwardPass,
  type OperatorGraph,
  type SimulationInput,
  type StepView,
  stepCost,
  technique,
} from '@servesim/core'
import { gpu } from '@servesim/device-gpu'
import { models } from '@servesim/models'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { cudaGraphs } from '@servesim/technique-cuda-graphs'
import { hostTime } from '@servesim/technique-host-time'
import { listWorkloads, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { speculativeDecoding } from '../src/index.js'
import { PassView } from '../src/pass-view.js'

const plugins = [vllmScheduler, cudaGraphs, hostTime, speculativeDecoding]

/**
 * One request of 5 prompt and 4 output tokens, none of whose drafts is kept. On the toy device a step takes 10 ns for each of two matrix
 * products and token, and 1000 + 7 r ns for r rows of logits.
 */
function run(options: Record<string, unknown>, beside: { use: string }[] = [], device: Record<string, unknown> = {}) {
  const input = smallScenario({
    plugins,
    requests: [{ arrivalNs: 0, promptTokens: 5, outputTokens: 4 }],
    pool: {
      device: { use: 'toy-device', contextNs: 0, ...device },
      scheduler: { use: 'vllm', maxNumSeqs: 4, maxNumBatchedTokens: 64, blockSizeTokens: 4 },
      techniques: [{ use: 'speculative-decoding', acceptance: 0, numSpeculativeTokens: 2, ...options }, ...beside],
    },
  })
  const simulation = createSimulation(input)
  const result = simulation.run()
  return {
    simulation,
    result,
    firstNs: simulation.results.requests.column('firstTokenNs')[0]!,
    stepNs: (simulation.results.requests.column('lastTokenNs')[0]! - simulation.results.requests.column('firstTokenNs')[0]!) / 3,
  }
}

const plain = (tokens: number, logitRows: number) => 20 * tokens + 1000 + 7 * logitRows

describe('a step', () => {
  it('verifies three tokens and their logits, whoever drafted them', () => {
    const { firstNs, stepNs } = run({ method: 'ngram', lookupNsPerToken: 0 })
    expect([firstNs, stepNs]).toEqual([plain(5, 1), plain(3, 3)])
  })

  it('is followed by a draft model’s passes: all tokens and one more, then one', () => {
    const { firstNs, stepNs } = run({ method: 'draft-model', draftModel: 'toy' })
    expect(firstNs).toBe(plain(5, 1) + plain(6, 1) + plain(1, 1))
    expect(stepNs).toBe(plain(3, 3) + plain(4, 1) + plain(1, 1))
  })

  it('is followed by a head’s passes: all tokens, then one, each through one layer', () => {
    const { firstNs, stepNs } = run({ method: 'eagle' })
    // One matrix product of the layer, and two widths that are fused.
    const head = (tokens: number) => 30 * tokens + 1007
    expect(firstNs).toBe(plain(5, 1) + head(5) + head(1))
    expect(stepNs).toBe(plain(3, 3) + head(3) + head(1))
  })

  it('has no passes behind it where nothing is drafted', () => {
    const { stepNs } = run({ method: 'draft-model', draftModel: 'toy', numSpeculativeTokensPerBatchSize: [[1, 4, 0]] })
    expect(stepNs).toBe(plain(1, 1))
  })

  it('waits for the lookup in its text on the host, beside what else the host does', () => {
    const decode = 0.001
    const { stepNs } = run({ method: 'ngram', lookupNsPerToken: 100 }, [{ use: 'host-time', decodeStepMs: decode } as { use: string }])
    // Contexts of 5, 6 and 7 tokens.
    expect(stepNs).toBe(plain(3, 3) + decode * 1e6 + 100 * 6)
  })

  it('spends as much time in all as operator classes, resources and provenances say', () => {
    for (const options of [{ method: 'draft-model', draftModel: 'toy' }, { method: 'eagle3' }]) {
      const { result, firstNs, stepNs } = run(options, [], { contextNs: 3 })
      for (const shares of [result.timeByClass, result.timeByResource, result.timeByProvenance]) {
        const ns = Object.values(shares).reduce((a, b) => a + b, 0) * 1e9
        // Each of four steps is rounded.
        expect(Math.abs(ns - firstNs - 3 * stepNs)).toBeLessThanOrEqual(2)
      }
    }
  })

  it('has its passes padded like itself', () => {
    const { stepNs } = run({ method: 'draft-model', draftModel: 'toy' }, [{ use: 'cuda-graphs' }])
    // Captured sizes are multiples of three: 3, 6, 9 …
    expect(stepNs).toBe(plain(3, 3) + plain(6, 1) + plain(3, 1))
  })
})

describe('a draft model', () => {
  const draftModel = 'Qwen/Qwen3-8B'

  /** A pool of a real model on a real device, with what a technique of the test finds out about it. */
  function pool(model: string, probe: (pass: (graph: OperatorGraph, model: string) => ForwardPass, graph: OperatorGraph) => void) {
    const probing = definePlugin('probing', (host) =>
      host.provide(technique, {
        name: 'probing',
        description: 'Looks at the pool.',
        options: z.strictObject({}),
        build: (_, context) => {
          const graph = context.pool.shard(context.pool.resolveModel(draftModel, 'test'))
          context.claim(stepCost, {
            name: 'probing',
            wrap(next, { forwardPass }) {
              probe(forwardPass, graph)
              return next
            },
          })
        },
      }),
    )
    const input: SimulationInput = {
      plugins: [models, gpu, listWorkloads, vllmScheduler, cudaGraphs, probing],
      workload: { use: 'list', prefixGroupTokens: 16, requests: [{ arrivalNs: 0, promptTokens: 1, outputTokens: 1 }] },
      pools: [{ model, device: 'h200', scheduler: { use: 'vllm' }, techniques: [{ use: 'cuda-graphs' }, { use: 'probing' }] }],
    }
    return createSimulation(input).pools[0]!
  }

  const step = (sequences: number, context: number): StepView => {
    const decodes = { decodes: sequences, decodeContextSum: sequences * context, longestDecodeContext: context, draftTokens: 0 }
    const none = { prefills: 0, prefillTokens: 0, prefillWork: 0 }
    const alone = { count: 1, tokens: new Int32Array(0), sequences: new Int32Array(0), anyMixed: false }
    const graph = {
      paddedTokens: sequences,
      paddedSequences: sequences,
      graph: 'none' as const,
      expertTokens: sequences,
      peerTokens: sequences,
    }
    return { tokens: sequences, sequences, logitRows: sequences, mixed: false, peers: alone, ...decodes, ...none, ...graph }
  }

  it('costs what it costs where it is served alone', () => {
    let pass: ForwardPass | undefined
    pool('Qwen/Qwen3-32B', (make, graph) => {
      pass = make(graph, draftModel)
    })
    const alone = pool(draftModel, () => {})
    const price = { fixedNs: 0, attentionNs: 0, hostNs: 0 }
    for (const [sequences, context] of [
      [1, 100],
      [9, 2000],
      [64, 777],
      [200, 4000],
    ] as const) {
      const view = new PassView()
      // Without a full graph, as a drafter runs.
      view.next(step(sequences, context - 2), 1)
      const ns = pass!.run(view, 0)
      alone.cost.price({ ...step(sequences, context), mixed: true }, 0, price)
      expect(ns).toBeCloseTo(price.fixedNs + price.attentionNs, 6)
      expect(ns).toBeGreaterThan(1e6)
    }
  })

  it('takes memory for its weights and for its KV, block by block', () => {
    const scenario = (techniques: { use: string }[]): SimulationInput => ({
      plugins: [models, gpu, listWorkloads, vllmScheduler, speculativeDecoding],
      workload: { use: 'list', prefixGroupTokens: 16, requests: [{ arrivalNs: 0, promptTokens: 1, outputTokens: 1 }] },
      pools: [{ model: 'Qwen/Qwen3-32B', device: 'h200', scheduler: { use: 'vllm' }, techniques }],
    })
    const without = createSimulation(scenario([])).pools[0]!.memory
    const technique = { use: 'speculative-decoding', method: 'draft-model', draftModel, numSpeculativeTokens: 3 }
    const memory = createSimulation(scenario([technique])).pools[0]!.memory
    const own = pool(draftModel, () => {}).memory
    expect(memory.claims).toHaveLength(1)
    expect(memory.claimedBytes).toBe(own.weightBytes)
    expect(memory.bytesPerBlock).toBe(without.bytesPerBlock + own.bytesPerBlock)
    expect(memory.blocks).toBe(Math.floor(((without.blocks + 1) * without.bytesPerBlock - own.weightBytes) / memory.bytesPerBlock) - 1)
  })

  it('must be named, be known, and know the same tokens', () => {
    const refused = (own: Record<string, unknown>) => {
      const input: SimulationInput = {
        plugins: [models, gpu, listWorkloads, vllmScheduler, speculativeDecoding],
        workload: { use: 'list', prefixGroupTokens: 16, requests: [{ arrivalNs: 0, promptTokens: 1, outputTokens: 1 }] },
        pools: [
          {
            model: 'Qwen/Qwen3-30B-A3B',
            device: 'h200',
            scheduler: { use: 'vllm' },
            techniques: [{ use: 'speculative-decoding', ...own }],
          },
        ],
      }
      return () => createSimulation(input)
    }
    const at = 'pools[0].techniques[0].draftModel'
    expect(refused({ method: 'draft-model' })).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_OPTION', path: at }))
    expect(refused({ method: 'draft-model', draftModel: 'Qwen/Qwen3-9B' })).toThrow(
      expect.objectContaining({ code: 'SERVESIM_UNKNOWN_NAME', path: at }),
    )
    expect(refused({ method: 'draft-model', draftModel: 'meta-llama/Llama-3.1-8B' })).toThrow(
      expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH', path: at }),
    )
    expect(refused({ method: 'mtp', draftModel })).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_OPTION', path: at }))
    // Its heads are dense, and nothing says how wide.
    expect(refused({ method: 'eagle3' })).toThrow('are dense')
    expect(refused({ method: 'eagle3', draftModel })).not.toThrow()
  })
})
