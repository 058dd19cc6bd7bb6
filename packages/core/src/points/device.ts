import type { Attention, CollectiveKind, Operator, OperatorGraph } from '../operators.js'
import type { ExpertLoad } from './expert-load.js'
import { definePoint } from './point.js'
import type { OptionsSchema, Provider } from './provider.js'

/** Figures of an accelerator as published. Absent means unknown: asking for what needs it is an error. */
export interface DeviceSpec {
  name: string
  vendor: string
  memoryBytes: number
  memoryBytesPerSecond: number
  /** Dense peak of the matrix units, 16-bit inputs and 32-bit accumulation. */
  bf16FlopPerSecond: number
  fp8FlopPerSecond?: number
  streamingMultiprocessors?: number
  l2Bytes?: number
  /** One direction, between accelerators of a node. */
  linkBytesPerSecond?: number
  linkKind?: 'nvlink' | 'pcie' | 'ici' | 'other'
  thermalDesignPowerWatts?: number
  /** Where the figures were read. */
  source: string
}

/** What a latency rests on, best first. */
export const provenances = ['measured', 'interpolated', 'extrapolated', 'analytic'] as const
export type Provenance = (typeof provenances)[number]

export interface Latency {
  ns: number
  provenance: Provenance
  /** Share 0–1 of the time that arithmetic binds; the rest is memory traffic. Absent: unknown, counted as memory. */
  computeFraction?: number
}

/** Latency of attention of one layer. */
export interface AttentionLatency {
  /** Ascending context lengths (tokens) that decode rows are given at. Core interpolates linearly and extrapolates from the last two. */
  readonly contextTokens: Float64Array
  /** Beyond this context a decode latency is extrapolated; equal to the last grid point unless the grid itself reaches further. */
  readonly measuredContextTokens: number
  readonly decodeProvenance: Provenance
  /**
   * Decode only, every context equal.
   * @param decodes sequences ≥ 1
   * @param launched sequences that the kernel is launched for, ≥ decodes: more inside a CUDA graph
   * @returns ns at each entry of `contextTokens`; core keeps the array
   */
  decodeRowNs(decodes: number, launched: number): Float64Array
  /**
   * The same where sequences verify drafts. Absent: as `decodeRowNs`, since the KV cache is read once however many tokens look at it.
   * @param queryTokens tokens of a sequence, > 1; a mean where they have different numbers
   */
  verifyRowNs?(decodes: number, launched: number, queryTokens: number): Float64Array
  /**
   * A step that also carries prefill.
   * @param newTokens Σq over the chunks, ≥ 1
   * @param context equivalent context: the one chunk of `newTokens` at this context does the same work Σq(k + q/2). Below 0 for several
   *   prompts in one step, whose attention is quadratic within a prompt and not across them.
   * @param decodes sequences that decode beside it, ≥ 0
   * @param decodeContext mean context of those
   * @returns may be one reused object, valid until the next call
   */
  mixedNs(newTokens: number, context: number, decodes: number, decodeContext: number): Latency
  /**
   * The part of either latency above that another resource than the device takes, for decodes alone and beside prefill alike.
   * Absent: all of it is the device's.
   * @returns ns
   */
  besideNs?(decodes: number, decodeContext: number): number
}

/** A device bound to one operator graph. Called at build only, except `attention.mixedNs` and, once per batch size, `attention.decodeRowNs`. */
export interface CompiledDevice {
  /**
   * One call of an operator that is not attention.
   * @param rows ≥ 1: scheduled tokens or sequences, as the operator's `rows` says (tokens for MoE)
   */
  latency(operator: Exclude<Operator, Attention>, rows: number): Latency
  readonly attention: AttentionLatency
  /** Relative error of its latencies by what they rest on, as found on points left out, 0–1. Absent: unknown. */
  readonly leftOutErrors?: Readonly<Partial<Record<Provenance, number>>>
  /** Sentences for the summary: what the prediction assumes. */
  readonly assumptions: string[]
}

/** Measured collectives that came with a device's bundle; a network may use them. */
export interface CollectiveCurve {
  collective: CollectiveKind
  ranks: number
  /** Ascending; as `CollectiveCall.bytesPerRow` counts. */
  bytes: Float64Array
  ns: Float64Array
}

export interface Device {
  readonly spec: DeviceSpec
  /** The engine release its latencies were measured under, such as `0.19.0`; undefined for analytic devices. */
  readonly engineRelease?: string
  /** The model it was measured with, where it can serve no other. */
  readonly model?: string
  readonly collectives: CollectiveCurve[]
  /** Facts about decode attention that stragglers are computed from; absent: no correction. */
  readonly straggler?: StragglerFacts
  /** Kernels launched one by one take the host this long for a whole mixed step; absent: unknown. */
  readonly mixedStepHostMs?: number
  /** The same where only its growth with the model is known: for each layer; `mixedStepHostMs` comes before it. */
  readonly launchHostMsPerLayer?: number
  /** The device if its chip had these figures, where it can price itself anew; absent: core scales its latencies. */
  withSpec?(spec: DeviceSpec): Device
  /**
   * @throws ServesimError SERVESIM_BAD_BUNDLE where an operator of the graph has no latency,
   *   SERVESIM_CAPABILITY_MISMATCH where the device was not measured at this parallelism
   */
  compile(graph: OperatorGraph, context: CompileContext): CompiledDevice
}

export interface StragglerFacts {
  streamingMultiprocessors: number
  /** What one thread block needs for one token of context when memory is no bound, ns. */
  blockNsPerContextToken: number
  /** What one token of context of one sequence costs this rank when its memory bandwidth is shared by a full device, all KV heads together, ns. */
  sharedNsPerContextToken: number
  source: string
}

export interface CompileContext {
  tensorParallel: number
  maxBatchedTokens: number
  maxSequences: number
  /** How tokens spread over experts; absent: evenly at random. */
  expertLoad?: ExpertLoad | undefined
}

export interface DeviceContext {
  /** Path of the pool in the scenario, for errors. */
  path: string
  /** The model's id. */
  model: string
  tensorParallel: number
}

/** Named devices; several names may lead to one provider (`aliases`). */
export interface DeviceProvider<Schema extends OptionsSchema = OptionsSchema> extends Provider<Device, DeviceContext, Schema> {
  readonly aliases?: readonly string[]
}

export const device = definePoint<DeviceProvider>({ id: 'servesim/device', contract: 1, cardinality: 'named', scope: 'pool' })
