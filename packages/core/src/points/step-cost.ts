import type { OperatorGraph } from '../operators.js'
import type { CollectiveCurve, DeviceSpec, StragglerFacts } from './device.js'
import { definePoint } from './point.js'
import type { Part } from './provider.js'

/** How a step is launched: kernel by kernel, graphs between attention calls, or one graph for all of it. */
export type GraphMode = 'none' | 'piecewise' | 'full'

/** What a formed step holds, as counts and sums. One reused object per ring slot: read it, do not keep it. */
export interface StepView {
  /** Scheduled tokens and sequences, ≥ 1. */
  tokens: number
  sequences: number
  /** Rows of logits: the last token of every sequence, and every draft. */
  readonly logitRows: number
  /** Sequences with one scheduled token, or with one and its drafts; they are priced as decodes. */
  decodes: number
  /** Σ of their contexts (KV tokens before this step), and the longest. */
  decodeContextSum: number
  longestDecodeContext: number
  /** Drafts that they verify, all together: they have `decodes + draftTokens` tokens. 0 without speculative decoding. */
  draftTokens: number
  /** Prompt chunks of two tokens and more. */
  prefills: number
  /** Σq over those chunks, and Σq·(k + q/2) with k tokens of context before: attention is quadratic within a prompt, not across prompts. */
  prefillTokens: number
  prefillWork: number
  /** Whether it is no even batch of decodes: some sequence is in its prompt, or not all verify as many drafts as there can be. */
  readonly mixed: boolean
  /** Written by the link that models graphs; until then equal to `tokens`, `sequences` and `none`. */
  paddedTokens: number
  paddedSequences: number
  graph: GraphMode
  /** Replicas that run this step together, this one included; 1 where it steps alone. Scheduled tokens and sequences of each, and whether any is mixed. */
  readonly peers: { readonly count: number; readonly tokens: Int32Array; readonly sequences: Int32Array; readonly anyMixed: boolean }
  /** Flows that share the links of this replica’s collectives, on the busiest of them; absent: none. */
  readonly links?: { readonly flows: number }
  /** Padded tokens of all peers together, which the experts see, and of the peer that has most. Written like `paddedTokens`. */
  expertTokens: number
  peerTokens: number
}

/** The price of one step; one reused object, written by the chain from its end to its front. Floats; core rounds their sum once. */
export interface StepPrice {
  /**
   * Everything whose latency depends on token and sequence counts alone, collectives included, on the last pipeline stage: without a
   * pipeline that is all of it. What a technique adds, such as drafting, happens there.
   */
  fixedNs: number
  /** All layers; each stage takes its layers' share. */
  attentionNs: number
  /** With a pipeline: what goes on before the last stage. */
  readonly ahead?: StagesAhead
  /** Host work before the step can start, counted from the instant it was formed. */
  hostNs: number
}

/** Stages before the last one. */
export interface StagesAhead {
  /** As `fixedNs` of the last, first stage first. */
  readonly fixedNs: Float64Array
  /** From each stage to the next, ns. */
  readonly handoverNs: Float64Array
}

/** Prices of a run of pure-decode steps in which every sequence grows by one token a step. */
export interface RunPrice {
  /** As in `StepPrice`, the same for each step. */
  fixedNs: number
  readonly ahead?: StagesAhead
  hostNs: number
  /** Entry j: the j-th step of the run. */
  attentionNs: Float64Array
}

export interface StepCost extends Part {
  /** Prices one formed step at the instant it starts. Graph fields of `step` and all of `out` are the only things written. */
  price(step: StepView, startNs: number, out: StepPrice): void
  /**
   * Prices `count` coming pure-decode steps of the same sequences in one go; `step` is the first of them.
   * Must give what `price` would give for each, to the last bit.
   */
  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void
}

/** A link of the chain: wraps what comes after it. The last link is core's sum over the operator graph. */
export interface StepCostLink {
  readonly name: string
  /** Names of links that must lie further out. */
  readonly after?: readonly string[]
  wrap(next: StepCost, context: StepCostContext): StepCost
}

/** Runs a graph of operators that is not the pool's model, inside its steps. */
export interface ForwardPass {
  /**
   * Prices one pass, counts it among the time that was spent, and returns it.
   * @param pass as a step; graph fields are written by the links that the pass goes through
   * @returns ns on the device, float; what links ask of the host is left out
   * @throws ServesimError where that is no number
   */
  run(pass: StepView, startNs: number): number
}

/** Facts of the pool that links compute from. */
export interface StepCostContext {
  path: string
  device: DeviceSpec
  straggler: StragglerFacts | undefined
  mixedStepHostMs: number | undefined
  collectives: CollectiveCurve[]
  /** KV heads of one rank, and the bytes of K and V that one of them keeps per token. */
  kvHeads: number
  kvBytesPerTokenPerHead: number
  /** Of all stages. */
  layers: number
  maxBatchedTokens: number
  maxSequences: number
  /** Drafts of a sequence in a step at most; 0 without speculative decoding. */
  maxDrafts: number
  engineRelease: string
  /**
   * Compiles another graph for the pool's device and network: a drafter's. Its passes go through all links of the chain but the one that
   * asks, and must be made of at most `maxBatchedTokens + maxSequences` tokens.
   * @param model whose graph it is, for devices that were measured with one
   */
  forwardPass(graph: OperatorGraph, model: string): ForwardPass
  /** Adds a sentence to the summary's assumptions. */
  assume(sentence: string): void
}

export const stepCost = definePoint<StepCostLink>({ id: 'servesim/step-cost', contract: 1, cardinality: 'chain', scope: 'pool' })
