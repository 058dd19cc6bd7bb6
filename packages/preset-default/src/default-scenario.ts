import type { ScenarioInput } from '@servesim/core'

/**
 * What a scenario is completed by where it says nothing: one H100 that serves Llama-3.1-8B as vLLM does by default, under a load that
 * keeps it busy without queues growing. Lengths are of the order of the ShareGPT dialogues that vLLM's own benchmarks use.
 */
export const defaultScenario = {
  name: 'default',
  workload: {
    use: 'poisson',
    ratePerSecond: 8,
    requestCount: 1000,
    promptTokens: { lognormal: { mean: 512, sigma: 0.8, min: 16, max: 4096 } },
    outputTokens: { lognormal: { mean: 256, sigma: 0.6, min: 8, max: 2048 } },
    sharedPrefix: { groups: 4, tokens: 128 },
  },
  router: { use: 'least-loaded' },
  fabric: { use: 'shared-links' },
  pools: [
    {
      model: 'meta-llama/Llama-3.1-8B',
      device: 'h100-sxm',
      scheduler: { use: 'vllm' },
      techniques: [{ use: 'prefix-caching' }, { use: 'cuda-graphs' }, { use: 'host-time' }, { use: 'decode-straggler' }],
    },
  ],
} satisfies ScenarioInput
