import type { RandomSource } from '../random.js'
import type { RequestTable } from '../request-table.js'
import { definePoint } from './point.js'
import type { Part } from './provider.js'

/**
 * How many tokens a decoding sequence schedules beyond its own, and how many of those it keeps: speculative decoding. Core keeps the
 * books: drafts are scheduled as tokens, computed tokens advance by all of them and fall back by those rejected, and what a step yields
 * for a sequence comes out at once.
 */
export interface Decode extends Part {
  /** Drafts of a sequence in a step at most, ≥ 1. */
  readonly maxDrafts: number
  /** KV slots that a running sequence gets beyond its scheduled tokens, where drafting writes KV ahead of verification. */
  readonly lookaheadSlots: number
  /** Tokens of a step's budget that drafting takes for each sequence. */
  readonly budgetSlots: number
  /** Whether drafting needs what the target computes for the last block of a prefix hit, so that this block is computed again. */
  readonly dropsLastHit: boolean
  /** Whether drafts are made from tokens that the host must know: no step is formed ahead then, whatever the scheduler asks for. */
  readonly synchronous: boolean
  /**
   * Drafts that the sequence's next step shall verify, 0 … maxDrafts; the scheduler may have room for fewer. Asked when a step that
   * yields a token for it has completed or, where steps are formed ahead, has been formed.
   * @param sequences that take part in that step
   */
  drafts(request: number, sequences: number): number
  /**
   * How many of `drafts` ≥ 1 verified drafts are kept, 0 … drafts, from the first on. Asked once for every output position at which
   * drafts were verified, while `outputTokens` still is that position; what answers it must depend on the request and that alone.
   */
  accepted(request: number, drafts: number): number
}

export interface DecodeContext {
  /** Path of the pool in the scenario, for errors. */
  path: string
  requests: RequestTable
  random: RandomSource
  /** Release of the engine that is mimicked, and running requests at most. */
  engineRelease: string
  maxSequences: number
  /** Adds a sentence to the summary's assumptions. */
  assume(sentence: string): void
}

/** A claim of the point: builds the part of one pool. */
export type DecodeFactory = (context: DecodeContext) => Decode

export const decode = definePoint<DecodeFactory>({ id: 'servesim/decode', contract: 1, cardinality: 'single', scope: 'pool' })
