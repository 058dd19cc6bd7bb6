import type { SimulationResult } from '@servesim/core'
import { metricNames, statNames } from '@servesim/core'
import type { RunFacts } from '../src/run-facts.js'

/** A finished run with round figures. */
export function sampleResult(changes: Partial<SimulationResult> = {}): SimulationResult {
  return {
    requests: { arrived: 100, finished: 99, refused: 1, aborted: 0, lost: 0 },
    unserved: [],
    refusals: [
      {
        arrivalIndex: 7,
        promptTokens: 200_000,
        outputTokens: 10,
        reason: 'its 200000 prompt tokens leave no room for output in sequences of at most 131072 tokens (pools[0])',
      },
    ],
    metrics: metricNames.flatMap((metric, i) => statNames.map((stat, j) => ({ metric, stat, value: 10 ** i * (j + 1) + 0.25 }))),
    sketched: false,
    steps: { total: 12_345, fastShare: 0.5, plain: { prefill: 0.75, scheduler: 0, finish: 0.25, blocks: 0, host: 0 }, ruledOut: [] },
    throughput: { durationS: 12.5, requestsPerSecond: 8, promptTokensPerSecond: 4096, outputTokensPerSecond: 1024.5 },
    promptTokens: 51_200,
    outputTokens: 12_800,
    cachedTokens: 5120,
    preemptions: 1,
    kv: { totalBlocks: 26_504, peakShare: 0.25, meanShare: 0.0001 },
    timeByClass: {
      attention: 3,
      linear: 6,
      moe: 0,
      'norm-activation': 0.5,
      embedding: 0,
      'logits-sampling': 0.25,
      collective: 0.25,
      host: 0,
    },
    timeByResource: { compute: 2.5, memory: 7, link: 0.5, host: 0 },
    timeByProvenance: { measured: 7.5, interpolated: 2.5, extrapolated: 0, analytic: 0 },
    uncertainty: { relative: 0.04, unknownShare: 0.1 },
    idleS: 2.5,
    transfers: { count: 0, bytes: 0, peakActive: 0, links: [] },
    counters: { 'drafted tokens': 1234 },
    assumptions: [
      'A sentence that is long enough to need more than one line of a terminal, since it goes on and on until 100.0 % of what it has to say is said.',
    ],
    ...changes,
  }
}

export function sampleFacts(changes: Partial<RunFacts['pools'][number]> = {}): RunFacts {
  return {
    name: 'sample',
    seed: 7,
    workload: 'poisson',
    latencyFrom: 'arrival',
    pools: [
      {
        name: 'pools[0]',
        role: null,
        replicas: 2,
        model: 'meta-llama/Llama-3.1-8B',
        device: 'h100-sxm',
        tensorParallel: 2,
        stageLayers: [32],
        scheduler: 'vllm',
        release: '0.19',
        measuredRelease: '0.19.0',
        techniques: ['prefix-caching', 'cuda-graphs', 'host-time', 'decode-straggler'],
        memory: { stage: 0, usable: 72 * 2 ** 30, weights: 15 * 2 ** 30, activations: 4 * 2 ** 30, context: 2 ** 30, kv: 52 * 2 ** 30 },
        kvBlocks: 26_504,
        blockSizeTokens: 16,
        ...changes,
      },
    ],
  }
}
