import type { RandomSource } from '../random.js'
import { definePoint } from './point.js'
import type { Provider } from './provider.js'

/** What `Workload.next` fills in; one reused object. */
export interface RequestDraft {
  /** Integer ns from the start of the simulation; never below the one before. */
  arrivalNs: number
  promptTokens: number
  /** Tokens to generate, ≥ 1; the prefill's first token counts. */
  outputTokens: number
  /**
   * Tokens that the client allows. Where they are more than `outputTokens`, the request ends by its end-of-sequence token, which no scheduler
   * knows beforehand; else by its length. Core sets 0 before it asks: as many as `outputTokens`.
   */
  outputLimitTokens: number
  /** Lower is served first under a priority policy. Core sets 0 before it asks. */
  priority: number
  /** Who sends it, as a number of the workload's own. Core sets 0 before it asks. */
  tenant: number
  /** When the client goes away, done or not; integer ns ≥ `arrivalNs`. Core sets Infinity before it asks: it stays. */
  cancelNs: number
  /**
   * Identity of the text, for prefix caching: one id for each whole group of `prefixGroupTokens` tokens of prompt and, where the output's
   * text is known, output. An id stands for everything up to the end of its group, so equal ids mean equal prefixes.
   * Dense non-negative integers. Core copies what it keeps.
   */
  prefixIds: Int32Array | undefined
  /** Valid entries of `prefixIds`. */
  prefixIdCount: number
}

/** A draft with the values that core sets before it asks, and zeros for what every workload must fill in. */
export function emptyDraft(): RequestDraft {
  return {
    arrivalNs: 0,
    promptTokens: 0,
    outputTokens: 0,
    outputLimitTokens: 0,
    priority: 0,
    tenant: 0,
    cancelNs: Number.POSITIVE_INFINITY,
    prefixIds: undefined,
    prefixIdCount: 0,
  }
}

/** A pull stream of requests in order of arrival. */
export interface Workload {
  /** Requests in all, where known beforehand (for progress). */
  readonly requestCount: number | undefined
  /** Tokens that one prefix id covers; 0 where requests carry none. */
  readonly prefixGroupTokens: number
  /** 0: no request will come any more · 1: `out` is filled · 2: the next one depends on a completion; core asks again after every `onEnd`. */
  next(out: RequestDraft): 0 | 1 | 2
  /** A request ended, in whatever way: finished, refused, given up by its client, or lost with its replica; `arrivalIndex` counts from 0 in the order `next` gave them. */
  onEnd?(arrivalIndex: number, timeNs: number): void
}

export interface WorkloadContext {
  random: RandomSource
  /** KV block size of the pools, the natural size of a prefix group. */
  blockSizeTokens: number
}

export const workload = definePoint<Provider<Workload, WorkloadContext>>({
  id: 'servesim/workload',
  contract: 1,
  cardinality: 'named',
  scope: 'cluster',
})
