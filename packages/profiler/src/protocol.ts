import type { CollectiveKind } from '@servesim/core'
import { z } from 'zod'

/** Version of the conversation between profiler and probe; `docs/probe-protocol.md` tells it in prose. */
export const probeProtocol = 1

/**
 * An operator as a probe is asked for it: sizes of one rank. `copies` layers hold one each, so consecutive calls of a step never meet the
 * same weights; a probe does the same as far as its memory goes.
 */
export type ProbeOperator = { name: string; copies: number } & (
  | { kind: 'gemm'; n: number; k: number }
  | { kind: 'embedding'; vocabulary: number; width: number; bytesPerRow: number }
  | { kind: 'norm'; width: number; bytesPerRow: number }
  | { kind: 'head-norm'; heads: number; headDim: number; bytesPerRow: number }
  | { kind: 'rotary'; heads: number; kvHeads: number; headDim: number; bytesPerRow: number }
  | { kind: 'gated-activation'; width: number; bytesPerRow: number }
  | { kind: 'sampler'; vocabulary: number; bytesPerRow: number }
  | { kind: 'elementwise'; bytesPerRow: number }
  | { kind: 'attention'; heads: number; kvHeads: number; headDim: number }
  | { kind: 'moe'; experts: number; topK: number; hiddenSize: number; intermediateSize: number }
  | { kind: 'collective'; collective: CollectiveKind; ranks: number }
)

export type OperatorKind = ProbeOperator['kind']

/** Axis values of one point; which ones there are follows from the operator's kind. */
export type Shape = Readonly<Record<string, number>>

/** What the profiler sends. */
export type Request =
  | { type: 'hello'; protocol: number }
  | {
      type: 'measure'
      id: number
      operator: ProbeOperator
      shape: Shape
      dtype: string
      warmup: number
      repeats: number
      /** Weights that one step runs through on this rank: what passes the caches between two calls with the same ones. */
      stepBytes: number
    }
  | { type: 'bye' }

const figure = z.number().positive().max(1e30)

const hello = z.object({
  type: z.literal('hello'),
  protocol: z.number(),
  probe: z.object({ name: z.string().min(1), release: z.string().min(1) }),
  device: z.object({
    name: z.string().min(1),
    vendor: z.string().min(1).default('unknown'),
    memoryBytes: figure.optional(),
    memoryBytesPerSecond: figure.optional(),
    bf16FlopPerSecond: figure.optional(),
    streamingMultiprocessors: z.number().int().positive().optional(),
    l2Bytes: figure.optional(),
    thermalDesignPowerWatts: figure.optional(),
  }),
  software: z.record(z.string(), z.string()).default({}),
  launch: z.enum(['eager', 'graph']).default('eager'),
  /** `simulated`: times come from a model or a simulator of the chip, not from a clock. */
  timing: z.enum(['device', 'simulated']).default('device'),
  dtypes: z.array(z.string().min(1)).nonempty(),
  operators: z.array(z.string().min(1)).nonempty(),
  /** Largest group of ranks that it runs collectives on. */
  ranks: z.number().int().min(1).default(1),
})

const times = z.object({
  type: z.literal('times'),
  id: z.number(),
  us: z.array(z.number()).nonempty(),
  clockMhz: z.number().nonnegative().optional(),
  temperatureC: z.number().optional(),
  throttled: z.boolean().optional(),
})

const failure = z.object({
  type: z.literal('error'),
  id: z.number().optional(),
  reason: z.enum(['out-of-memory', 'unsupported', 'failed']),
  message: z.string(),
})

/** What a probe answers. */
export const reply = z.discriminatedUnion('type', [hello, times, failure])
export type Reply = z.output<typeof reply>
export type ProbeHello = z.output<typeof hello>
export type ProbeTimes = z.output<typeof times>
export type ProbeFailure = z.output<typeof failure>
