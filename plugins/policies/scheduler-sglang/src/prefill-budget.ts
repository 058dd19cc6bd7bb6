import type { StepPlan } from '@servesim/core'

/** Of what a request may still generate, no more than this is reckoned with (CLIP_MAX_NEW_TOKENS). */
const mostComingTokens = 4096

/** Whether a step goes on admitting; if not, whether for want of memory or because the step's size is used up. Aside: past this request. */
export type Verdict = 'continue' | 'no-token' | 'other' | 'aside'

/**
 * What a step that computes prompts may still take: SGLang's `PrefillAdder`. Blocks that were given out in this form are not free any
 * more, so only what is reserved beyond them is kept here. Tokens are rounded up to whole blocks.
 */
export class PrefillBudget {
  /** Requests that take part. */
  requests = 0
  /** Whether nobody runs: then a request that fits at all must be taken. */
  private alone: boolean

  /**
   * @param inputTokens left of `maxPrefillTokens`
   * @param chunkTokens left of the chunk size; Infinity where prompts are not cut
   * @param coming tokens reserved for those that run
   * @param mixed tokens of decodes that take part in the step
   */
  constructor(
    private readonly plan: StepPlan,
    private readonly blockSize: number,
    private inputTokens: number,
    private chunkTokens: number,
    private coming: number,
    private readonly mixed: number,
  ) {
    this.alone = plan.running.length === 0
    this.coming += mixed
  }

  static comingTokens(left: number): number {
    return Math.min(left, mostComingTokens)
  }

  /** Tokens of the prompt in mid-prefill that this step computes: they are taken even where the estimate has nothing left. */
  nextChunk(remaining: number): number {
    const left = Math.floor(this.freeTokens)
    return this.cut(remaining, left >= this.blockSize ? Math.min(this.chunkTokens, left) : this.chunkTokens)
  }

  /** Tokens of a prompt that is admitted now; 0: the chunk is used up. */
  chunkOf(extend: number): number {
    return this.paged(extend) <= this.chunkTokens ? extend : this.cut(extend, this.chunkTokens)
  }

  /** A cut falls on a block's end. */
  private cut(tokens: number, most: number): number {
    return tokens <= most ? tokens : Math.max(0, Math.floor(most / this.blockSize) * this.blockSize)
  }

  /** @param extend tokens to compute; @param coming tokens that the request may then generate */
  check(extend: number, coming: number): Verdict {
    if (!this.alone && extend + coming >= this.freeTokens) return 'no-token'
    return this.paged(extend) >= this.inputTokens && this.requests > 0 ? 'other' : 'continue'
  }

  /** The estimate must stay below what is free once the request's hits are in use: for whole tokens that is one more than the estimate. */
  tokensThatMustFit(extend: number, coming: number): number {
    return this.alone ? extend + coming : Math.floor(extend + coming + this.coming) + 1
  }

  /** A request takes part with so many tokens; `coming` more are reserved. */
  take(tokens: number, coming: number): void {
    this.requests++
    this.alone = false
    this.inputTokens -= this.paged(tokens)
    this.chunkTokens -= this.paged(tokens)
    this.coming += coming
  }

  /** Tokens of a request that takes no part yet, beyond the blocks that it has. */
  reserve(coming: number): void {
    this.coming += coming
  }

  get state(): Verdict {
    if (this.freeTokens <= 0 || this.plan.freeBlocks * this.blockSize - this.mixed <= 0) return 'no-token'
    return this.inputTokens <= 0 || this.chunkTokens <= 0 ? 'other' : 'continue'
  }

  /** Tokens that neither anybody holds nor are reserved. */
  private get freeTokens(): number {
    return this.plan.freeBlocks * this.blockSize - this.coming
  }

  private paged(tokens: number): number {
    return Math.ceil(tokens / this.blockSize) * this.blockSize
  }
}
