import type { z } from 'zod'
import type { Model } from '../operators.js'
import type { RequestTable } from '../request-table.js'
import type { Decode } from './decode.js'
import type { DeviceSpec } from './device.js'
import { definePoint } from './point.js'
import type { OptionsSchema, Part, Provider } from './provider.js'

/** Requests in a step unit's running list, oldest admission first. */
export interface RunningList {
  readonly length: number
  at(position: number): number
}

/**
 * What a scheduler fills at form. Each call checks before it changes anything and reports scarcity by `false`; core keeps the books:
 * blocks, computed tokens, placeholders, the running list.
 */
export interface StepPlan {
  readonly running: RunningList
  /** KV blocks of the replica, free or not; those that the engine keeps for itself left out. */
  readonly totalBlocks: number
  /** Those of them that nobody holds, cached content or not. */
  readonly freeBlocks: number
  /** Whether there are memories behind the device at all. */
  readonly mayLoad: boolean
  /**
   * Schedules `tokens` ≥ 1 more tokens of a running request. What goes beyond its sequence are drafts: of those that the request has
   * (`draftTokens`) it may take any number.
   * @param lookaheadTokens KV slots that it gets beyond those; 0 where left out
   * @returns false where no KV block is free for them
   */
  schedule(request: number, tokens: number, lookaheadTokens?: number): boolean
  /** Takes this request out of the step; its blocks stay its own until `preempt`. @returns the tokens it had; 0 where it took no part */
  unschedule(request: number): number
  /**
   * Whether this running request's next token is on its way through pipeline stages and will not be known when the step starts: it cannot
   * take part. Never so with one stage. Pure.
   */
  awaitsToken(request: number): boolean
  /**
   * Whether this waiting request is held back: by a technique or a tier for data that is under way or, preempted, for a token that is
   * still in a pipeline stage; others may pass it. Pure.
   */
  isHeld(request: number): boolean
  /** Cached blocks that an admission of this request would hit: at most all but its last token. Pure. */
  match(request: number): number
  /** Whether decoding alone could make `match` grow: a running request generates text that this one begins with. Pure. */
  matchMayGrow(request: number): boolean
  /** Whether both requests are known to begin with the same `tokens` ≥ 1 tokens, rounded up to whole blocks. Pure. */
  samePrefix(a: number, b: number, tokens: number): boolean
  /**
   * Tokens behind its `hitBlocks` cached blocks that memories behind the device have for a waiting request without blocks; 0: none,
   * it can be admitted · −1: that cannot be said yet; it must wait, others may pass it. Pure.
   */
  loadable(request: number, hitBlocks: number): number
  /**
   * Gives a waiting request blocks for what is cached and for `tokens` tokens more, as many as `loadable` says, and lets those be brought.
   * It is held back (`isHeld`) until they are there, takes no running slot and no token budget meanwhile, and stays among the scheduler's
   * waiting requests. Then it has blocks and `computedTokens`, and is admitted by its remaining tokens, with `hitBlocks` 0; that may still
   * fail. Should the load fail, or others need its blocks to go on at all, it has none and starts over.
   * @param mustFitTokens as in `admit`
   * @returns false when blocks are short; nothing has changed then
   */
  load(request: number, hitBlocks: number, tokens: number, mustFitTokens: number): boolean
  /**
   * Moves a request from waiting to running and schedules `tokens` ≥ 1 tokens behind `hitBlocks` cached blocks, or behind its computed ones.
   * @param mustFitTokens the whole sequence must find free blocks now, though only the first tokens get them; 0: no such check
   * @param lookaheadTokens KV slots that it gets beyond the scheduled tokens; 0 where left out
   * @returns false when blocks are short; nothing has changed then
   */
  admit(request: number, tokens: number, hitBlocks: number, mustFitTokens: number, lookaheadTokens?: number): boolean
  /** Frees a running request's blocks; it starts over from what the cache still holds when it is admitted again. The caller requeues it. */
  preempt(request: number): void
}

/** Forms steps within token, sequence and memory budgets. One instance per replica. */
export interface Scheduler extends Part {
  /** The engine took a request out of its input queue. */
  enqueue(request: number): void
  /** A request that waits or runs has ended out of turn: its client went away, or it was preempted while its last token was in flight. */
  withdraw(request: number): void
  /** Requests that wait, preempted ones included. */
  readonly waitingCount: number
  /** Calls `plan` for every request that takes part in the next step. */
  form(plan: StepPlan): void
  /**
   * Asked right after `form`: would the coming forms schedule one token of every running request and nothing else, for as long as none
   * finishes, none arrives and blocks suffice? False: the plain path.
   */
  steady(): boolean
  /** Would that stay so if this request arrived? */
  staysSteadyWith(request: number): boolean
  /** So many forms were taken without a call of `form`, since they would have repeated the last one. */
  settle?(forms: number): void
}

export interface SchedulerLimits {
  maxNumSeqs: number
  maxNumBatchedTokens: number
  /** Steps formed and not completed: 1 synchronous, 2 asynchronous; each further pipeline stage allows one more. */
  depth: number
  /** Release of the engine that is mimicked. */
  engineRelease: string
  /** Share of device memory the engine takes by default. */
  gpuMemoryUtilization: number
  /** Blocks the engine keeps for itself (vLLM's null block). */
  reservedBlocks: number
  blockSizeTokens: number
  /**
   * When the KV of full blocks can be shared. `allocated` (default): with the form that schedules them, in that form too, as in vLLM.
   * `computed`: a prompt's once the step has completed that finishes it, or when its next chunk is scheduled; an output's when its
   * request ends. As in SGLang.
   */
  sharing?: 'allocated' | 'computed'
  /** Whether KV blocks that only rejected drafts were written to are freed at once (SGLang); else they stay for what comes next (vLLM). */
  freesRejected?: boolean
  /** Whether its schedulers call `StepPlan.loadable`; memories behind the device need that. Default: no. */
  loads?: boolean
  /** A turn of the engine's loop that runs nothing while requests wait is followed by a pause of this length, ns. Default: 1 ms, as in vLLM. */
  emptyTurnNs?: number
  /** Whether a step's temporaries lie outside the share of device memory, which then holds weights and KV alone. */
  temporariesOutside?: boolean
}

export interface SchedulerPoolContext {
  path: string
  device: DeviceSpec
  model: Model
  maxModelLenTokens: number
  /** Absent: 1. */
  pipelineStages?: number
}

export interface SchedulerContext extends SchedulerPoolContext {
  requests: RequestTable
  limits: SchedulerLimits
  /** Who drafts, where speculative decoding is on; `requests.draftTokens` then says how many drafts a request has. */
  decode?: Decode | undefined
}

export interface SchedulerProvider<Schema extends OptionsSchema = OptionsSchema> extends Provider<Scheduler, SchedulerContext, Schema> {
  /** What core must know before it can count blocks. Pure. */
  limits(options: z.output<Schema>, context: SchedulerPoolContext): SchedulerLimits
}

export const scheduler = definePoint<SchedulerProvider>({ id: 'servesim/scheduler', contract: 1, cardinality: 'named', scope: 'pool' })
