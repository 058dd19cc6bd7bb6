import { queueLimit } from '@servesim/admission-queue-limit'
import { faults } from '@servesim/controller-faults'
import type { ScenarioInput, SimulationInput } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { s3Fifo } from '@servesim/eviction-s3-fifo'
import { leastLoaded } from '@servesim/router-least-loaded'
import { powerOfTwo } from '@servesim/router-power-of-two'
import { prefixAware } from '@servesim/router-prefix-aware'
import { roundRobin } from '@servesim/router-round-robin'
import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { cudaGraphs } from '@servesim/technique-cuda-graphs'
import { decodeStraggler } from '@servesim/technique-decode-straggler'
import { hostTime } from '@servesim/technique-host-time'
import { kvOffload } from '@servesim/technique-kv-offload'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { speculativeDecoding } from '@servesim/technique-speculative-decoding'
import { Draw, randomRequests, referencePrefixCaching, toyParts } from '@servesim/testkit'

export const plugins = [
  toyParts,
  vllmScheduler,
  sglangScheduler,
  prefixCaching,
  kvOffload,
  referencePrefixCaching,
  lru,
  s3Fifo,
  leastLoaded,
  roundRobin,
  powerOfTwo,
  prefixAware,
  queueLimit,
  faults,
  cudaGraphs,
  decodeStraggler,
  hostTime,
  speculativeDecoding,
]

type Technique = NonNullable<ScenarioInput['pools'][number]['techniques']>[number]

/**
 * A scenario of real policies and techniques on toy hardware: sizes are small, so that a run of milliseconds meets admission limits,
 * cut prompts, preemptions, evictions and arrivals at every point of a stretch.
 */
export function randomScenario(number: number): SimulationInput {
  const draw = new Draw(number, 'scenario')
  const replicas = draw.of(1, 1, 2)
  const blockSizeTokens = draw.of(1, 2, 4, 16)
  const tensor = draw.of(1, 1, 2)
  const parallelism = { tensor, ...randomPipeline(new Draw(number, 'pipeline')) }
  const scheduler = draw.chance(0.4) ? randomSglang(draw, blockSizeTokens) : randomVllm(draw, blockSizeTokens)
  const speculation = randomSpeculation(number)
  // A prompt that may not be cut must fit a step.
  const whole = 'release' in scheduler && !scheduler.enableChunkedPrefill ? { maxModelLenTokens: scheduler.maxNumBatchedTokens } : {}
  // Drafting may take a token of each sequence from the budget.
  if ('release' in scheduler && speculation.length > 0) scheduler.maxNumBatchedTokens += scheduler.maxNumSeqs
  // The engine's null block is one of them.
  const blocks = 1 + draw.integer(Math.ceil(40 / blockSizeTokens), Math.ceil(draw.of(80, 400) / blockSizeTokens))
  return {
    workload: { use: 'list', prefixGroupTokens: draw.of(blockSizeTokens, 2 * blockSizeTokens, 3), requests: randomRequests(number) },
    ...(replicas > 1 ? { router: randomRouter(draw) } : {}),
    pools: [
      {
        count: replicas,
        model: parallelism.pipeline > 1 ? 'toy-deep' : 'toy',
        device: { use: 'toy-device', contextNs: draw.of(0.13, 3) },
        parallelism,
        ...(tensor * parallelism.pipeline > 1 ? { network: { use: 'toy-network' } } : {}),
        scheduler,
        techniques: withOffload(number, [...randomTechniques(draw), ...speculation, ...randomTier(number)]),
        ...whole,
        memory: { numGpuBlocksOverride: blocks },
      },
    ],
    latencyFrom: draw.of('arrival', 'queued'),
    ...randomEnds(draw, replicas),
    plugins,
  }
}

/** Eight layers, in stages that are alike or not. */
function randomPipeline(draw: Draw) {
  if (draw.chance(0.6)) return { pipeline: 1 }
  const pipeline = draw.of(2, 4)
  if (draw.chance(0.6)) return { pipeline }
  return { pipeline, pipelineLayers: pipeline === 2 ? draw.of([1, 7], [5, 3]) : [1, 4, 2, 1] }
}

/** Who is let in, who has no patience, and which replicas die. */
function randomEnds(draw: Draw, replicas: number): Partial<SimulationInput> {
  const s = (ns: number) => ns / 1e9
  return {
    admission: draw.chance(0.2)
      ? [{ use: 'queue-limit', maxWaiting: draw.of(1, 3), maxInFlight: draw.of(2, 8), maxQueued: draw.of(0, 2, 100) }]
      : [],
    client: draw.chance(0.2) ? { firstTokenTimeoutS: s(draw.integer(1000, 200_000)), timeoutS: s(draw.integer(1000, 900_000)) } : {},
    controllers: draw.chance(0.2)
      ? [
          draw.chance(0.5)
            ? { use: 'faults', meanTimeBetweenFailuresS: s(300_000), meanTimeToRepairS: s(20_000) }
            : {
                use: 'faults',
                events: [
                  { atS: s(draw.integer(0, 200_000)), replica: 0, action: draw.of('kill', 'drain') },
                  { atS: s(draw.integer(200_000, 400_000)), replica: draw.integer(0, replicas - 1), action: draw.of('start', 'kill') },
                ],
              },
        ]
      : [],
    lostRequests: draw.of('migrate', 'migrate', 'fail'),
  }
}

function randomRouter(draw: Draw) {
  const use = draw.of('round-robin', 'least-loaded', 'power-of-two', 'prefix-aware')
  if (use !== 'prefix-aware') return { use }
  return { use, index: draw.of('approximate', 'precise'), balanceAbsThreshold: draw.of(1, 64), cacheThreshold: draw.of(0, 0.3) }
}

function randomSglang(draw: Draw, blockSizeTokens: number) {
  const chunkedPrefillSize = draw.chance(0.8) ? blockSizeTokens * draw.integer(1, Math.ceil(48 / blockSizeTokens)) : -1
  return {
    use: 'sglang',
    chunkedPrefillSize,
    maxPrefillTokens: draw.of(8, 40, 16_384),
    maxRunningRequests: draw.of(1, 2, 4, 8, 16),
    schedulePolicy: draw.of('fcfs', 'lpm'),
    // The estimate is right or too high; or so low that decodes run out of blocks.
    scheduleConservativeness: draw.of(0.05, 0.3, 1),
    enableMixedChunk: chunkedPrefillSize > 0 && draw.chance(0.3),
    disableOverlapSchedule: draw.chance(0.4),
    blockSizeTokens,
  }
}

function randomVllm(draw: Draw, blockSizeTokens: number) {
  const enableChunkedPrefill = draw.chance(0.8)
  return {
    use: 'vllm',
    release: draw.of('0.19', '0.28'),
    maxNumSeqs: draw.of(1, 2, 4, 8, 16),
    maxNumBatchedTokens: enableChunkedPrefill ? draw.integer(4, 48) : draw.integer(42, 80),
    asyncScheduling: draw.chance(0.6),
    policy: draw.chance(0.7) ? 'fcfs' : 'priority',
    enableChunkedPrefill,
    longPrefillTokenThreshold: draw.of(0, 0, 3, 12),
    schedulerReserveFullIsl: draw.chance(0.7),
    watermark: draw.of(0, 0, 0.1),
    blockSizeTokens,
  }
}

/** From a stream of its own, so that scenarios keep what else they were made of. */
function randomSpeculation(number: number): Technique[] {
  const draw = new Draw(number, 'speculation')
  if (!draw.chance(0.1)) return []
  if (draw.chance(0.6)) return [{ use: 'speculative-decoding', ...randomDrafter(draw) }]
  const maxDrafts = draw.integer(1, 5)
  return [
    {
      use: 'toy-drafts',
      maxDrafts,
      accepted: Array.from({ length: draw.integer(1, 9) }, () => draw.integer(0, maxDrafts)),
      lookaheadSlots: draw.of(0, maxDrafts),
      dropsLastHit: draw.chance(0.5),
      synchronous: draw.chance(0.3),
    },
  ]
}

function randomDrafter(draw: Draw) {
  const limits = draw.of({}, {}, { disableAboveBatchSize: draw.integer(1, 6) }, { numSpeculativeTokensPerBatchSize: [[2, 4, 1]] })
  return draw.of<Record<string, unknown>>(
    { method: 'ngram', acceptance: draw.of(0, 0.5, 1), numSpeculativeTokens: 4, ngramHitFraction: draw.of(0.3, 1), ...limits },
    { method: 'draft-model', draftModel: 'toy', numSpeculativeTokens: 2, ...limits },
    { method: 'eagle', ...limits },
    { method: 'eagle3', classes: [{ value: 0, acceptance: 0.9 }], classColumn: 'priority', ...limits },
    { method: 'mtp', acceptance: [0.9, 0.6], conditionalRates: true },
  )
}

function randomTechniques(draw: Draw): Technique[] {
  const techniques: Technique[] = []
  if (draw.chance(0.7)) techniques.push({ use: 'prefix-caching', eviction: { use: draw.of('lru', 'lru', 's3-fifo') } })
  if (draw.chance(0.4)) techniques.push({ use: 'cuda-graphs' })
  if (draw.chance(0.4)) techniques.push({ use: 'decode-straggler' })
  if (draw.chance(0.4)) techniques.push({ use: 'toy-jitter', amplitudeNs: draw.of(300, 3000) })
  // Steps take some two microseconds: the host is at times hidden, at times the bottleneck.
  if (draw.chance(0.5)) {
    techniques.push({
      use: 'host-time',
      mixedStepMs: draw.of(0, 0.0004, 0.004),
      decodeStepMs: draw.of(0, 0.0006, 0.003),
      perSequenceUs: draw.of(0, 0.1),
    })
  }
  return techniques
}

function randomTier(number: number): Technique[] {
  const draw = new Draw(number, 'tier')
  if (!draw.chance(0.3)) return []
  return [
    {
      use: 'toy-tier',
      hitChance: draw.of(0.4, 1),
      loadNs: draw.of(0, 3000, 60_000, 200_000),
      tokenNs: draw.of(0, 100),
      failChance: draw.of(0, 0.3),
      waitChance: draw.of(0, 0.5),
    },
  ]
}

/** Host memory behind the device's cache, where there is one. A block of the toy models is 128 bytes a token and more. */
function withOffload(number: number, techniques: Technique[]): Technique[] {
  const draw = new Draw(number, 'offload')
  if (!draw.chance(0.2) || !techniques.some(({ use }) => use === 'prefix-caching')) return techniques
  const store = draw.of('write-through', 'write-through', 'on-eviction')
  const offload = {
    use: 'kv-offload',
    deviceRatio: draw.of(0.3, 1, 4),
    scope: draw.of('replica', 'host'),
    store,
    generated: draw.chance(0.4),
    load: draw.of('always', 'sooner'),
    eviction: { use: draw.of('lru', 's3-fifo') },
    stagingGiB: draw.of(0.000_01, 0.5),
  }
  return [...techniques, offload]
}
