import { faults } from '@servesim/controller-faults'
import type { ScenarioInput, SimulationInput } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { leastLoaded } from '@servesim/router-least-loaded'
import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { Draw, type ListedRequest, randomRequests, toyParts } from '@servesim/testkit'
import { pdDisaggregation } from '../src/index.js'

export const plugins = [toyParts, vllmScheduler, sglangScheduler, prefixCaching, lru, leastLoaded, faults, pdDisaggregation]

type Pool = ScenarioInput['pools'][number]

/** A step of n tokens and s sequences takes 1000 + 7 s + 20 n ns; KV of a token is 256 bytes; a flow takes 100 ns and 2 ns a byte. */
const device = { use: 'toy-device', stepNs: 1000, sequenceNs: 7, tokenNs: 10, contextNs: 0 }
export const stepNs = (tokens: number, sequences = 1) => 1000 + 7 * sequences + 20 * tokens
export const flowNs = (tokens: number) => 100 + 2 * 256 * tokens

interface Disaggregated {
  requests: readonly ListedRequest[]
  options?: object
  prefill?: Partial<Pool>
  decode?: Partial<Pool>
  rest?: Partial<Omit<ScenarioInput, 'pools' | 'workload'>>
}

/** One prefill and one decode replica, in steps formed one at a time, with blocks of four tokens. */
export function disaggregated({ requests, options, prefill, decode, rest }: Disaggregated): SimulationInput {
  const pool = {
    model: 'toy',
    device,
    scheduler: { use: 'vllm', blockSizeTokens: 4, maxNumBatchedTokens: 64, asyncScheduling: false },
    memory: { numGpuBlocksOverride: 1000 },
  }
  return {
    workload: { use: 'list', requests: [...requests], prefixGroupTokens: 4 },
    router: { use: 'least-loaded' },
    fabric: { use: 'toy-fabric', latencyNs: 100, byteNs: 2 },
    techniques: [{ use: 'pd-disaggregation', ...options }],
    pools: [
      { ...pool, role: 'prefill', ...prefill },
      { ...pool, role: 'decode', ...decode },
    ],
    ...rest,
    plugins,
  }
}

/** Two pools that differ in size, parallelism, scheduler and memory; impatient clients and replicas that die among them. */
export function randomDisaggregated(number: number): SimulationInput {
  const draw = new Draw(number, 'disaggregated')
  const blockSizeTokens = draw.of(2, 4, 16)
  const caching = draw.chance(0.6)
  const s = (ns: number) => ns / 1e9
  return disaggregated({
    requests: randomRequests(number),
    options: { handover: draw.of('pull', 'layer-by-layer'), localBelowTokens: draw.of(0, 0, 10) },
    prefill: randomPool(draw, blockSizeTokens, caching),
    decode: randomPool(draw, blockSizeTokens, caching && draw.chance(0.8)),
    rest: {
      lostRequests: draw.of('migrate', 'migrate', 'fail'),
      client: draw.chance(0.2) ? { timeoutS: s(draw.integer(1000, 3_000_000)) } : {},
      controllers: draw.chance(0.4) ? [{ use: 'faults', meanTimeBetweenFailuresS: s(900_000), meanTimeToRepairS: s(50_000) }] : [],
    },
  })
}

function randomPool(draw: Draw, blockSizeTokens: number, caching: boolean): Partial<Pool> {
  const tensor = draw.of(1, 2, 4)
  const pipeline = draw.of(1, 1, 2)
  const blocks = 1 + draw.integer(Math.ceil(60 / blockSizeTokens), Math.ceil(draw.of(100, 400) / blockSizeTokens))
  const scheduler = draw.chance(0.6)
    ? {
        use: 'vllm',
        blockSizeTokens,
        maxNumSeqs: draw.of(2, 8),
        maxNumBatchedTokens: draw.integer(8, 48),
        asyncScheduling: draw.chance(0.5),
      }
    : {
        use: 'sglang',
        blockSizeTokens,
        maxRunningRequests: draw.of(2, 8),
        chunkedPrefillSize: 2 * blockSizeTokens,
        disableOverlapSchedule: draw.chance(0.5),
      }
  return {
    count: draw.of(1, 1, 2),
    model: 'toy-deep',
    parallelism: { tensor, pipeline },
    network: { use: 'toy-network' },
    scheduler,
    techniques: caching ? [{ use: 'prefix-caching', eviction: { use: 'lru' } }] : [],
    maxModelLenTokens: 190,
    memory: { numGpuBlocksOverride: Math.max(blocks, Math.ceil(190 / blockSizeTokens) + 2) },
  }
}
