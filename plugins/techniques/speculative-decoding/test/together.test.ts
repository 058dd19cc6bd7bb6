import { definePlugin, type SimulationInput, stepCost, technique } from '@servesim/core'
import { gpu } from '@servesim/device-gpu'
import { lru } from '@servesim/eviction-lru'
import { models } from '@servesim/models'
import { analyticalNetwork } from '@servesim/network-analytical'
import { leastLoaded } from '@servesim/router-least-loaded'
import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { cudaGraphs } from '@servesim/technique-cuda-graphs'
import { dataParallel } from '@servesim/technique-data-parallel'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { randomRequests, runChecked, toyParts } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { speculativeDecoding } from '../src/index.js'

type Pool = SimulationInput['pools'][number]

/** What steps without sequences had, which only dummies are. */
const dummyTokens: number[] = []
const dummies = definePlugin('dummies', (host) =>
  host.provide(technique, {
    name: 'dummies',
    description: 'Looks at the steps of ranks without work.',
    options: z.strictObject({}),
    build: (_, context) =>
      context.claim(stepCost, {
        name: 'dummies',
        wrap: (next) => ({
          reads: next.reads,
          price(step, startNs, out) {
            next.price(step, startNs, out)
            // A drafter's passes are mixed.
            if (step.sequences === 0 && !step.mixed) dummyTokens.push(step.tokens)
          },
          priceRun: (step, count, startNs, out) => next.priceRun(step, count, startNs, out),
        }),
      }),
  }),
)

const parts = [gpu, models, lru, analyticalNetwork, leastLoaded, sglangScheduler, vllmScheduler]
const plugins = [toyParts, ...parts, cudaGraphs, dataParallel, prefixCaching, speculativeDecoding, dummies]

const toy = { model: 'toy', device: { use: 'toy-device' }, network: { use: 'toy-network' }, techniques: [] }
const moe = { model: 'Qwen/Qwen3-30B-A3B', device: 'h100-sxm', network: { use: 'analytical' } }
const ranks = { techniques: [{ use: 'data-parallel', ranks: 2 }], parallelism: { expert: 2 }, count: 2 }
const layouts: Record<string, Partial<Pool> & { techniques: NonNullable<Pool['techniques']> }> = {
  'TP 2': { ...toy, parallelism: { tensor: 2 } },
  'PP 2': { ...toy, parallelism: { pipeline: 2 } },
  'DP 2': { ...toy, ...ranks },
  'DP 2 × EP 2 of a real model': { ...moe, ...ranks },
}
const schedulers = [
  { use: 'vllm', maxNumSeqs: 8, maxNumBatchedTokens: 48, blockSizeTokens: 4 },
  { use: 'vllm', maxNumSeqs: 8, maxNumBatchedTokens: 48, blockSizeTokens: 4, asyncScheduling: false },
  { use: 'sglang', maxRunningRequests: 8, chunkedPrefillSize: 48, blockSizeTokens: 1 },
]
const drafters = [
  { method: 'mtp', acceptance: [0.8, 0.5, 0.3] },
  { method: 'ngram', numSpeculativeTokens: 3, ngramHitFraction: 0.7 },
]

function scenario(
  number: number,
  layout: (typeof layouts)[string],
  scheduler: (typeof schedulers)[number],
  drafter: object,
): SimulationInput {
  const techniques = [
    { use: 'speculative-decoding', ...drafter },
    { use: 'prefix-caching' },
    { use: 'cuda-graphs' },
    { use: 'dummies' },
    ...layout.techniques,
  ]
  const pool = { ...layout, scheduler, techniques, memory: { numGpuBlocksOverride: Math.ceil(120 / scheduler.blockSizeTokens) } }
  return {
    workload: { use: 'list', prefixGroupTokens: 4, requests: randomRequests(number) },
    router: { use: 'least-loaded' },
    pools: [pool as Pool],
    plugins,
    seed: number,
  }
}

describe.each(Object.entries(layouts))('under %s', (_, layout) => {
  it.each(schedulers)('with %j no law is broken, and drafts are kept', (scheduler) => {
    let kept = 0
    let preemptions = 0
    for (const drafter of drafters) {
      for (let number = 0; number < 8; number++) {
        dummyTokens.length = 0
        const { results, engine } = runChecked(scenario(number, layout, scheduler, drafter))
        expect(results.finished + results.refusedCount + results.unservedCounts.aborted).toBe(results.arrived)
        kept += engine.counter('acceptedDraftTokens').value
        preemptions += results.preemptions
        // A rank without work steps along with one token and as many drafts as there can be.
        expect(new Set(dummyTokens).size).toBeLessThanOrEqual(1)
        if (dummyTokens.length > 0) expect(dummyTokens[0]).toBe(4)
      }
    }
    expect(kept).toBeGreaterThan(500)
    expect(preemptions).toBeGreaterThan(0)
    expect(dummyTokens.length > 0).toBe('count' in layout)
  })
})
