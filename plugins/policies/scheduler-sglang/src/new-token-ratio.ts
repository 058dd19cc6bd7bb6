/** Share of the tokens still to come that admission reserves at start, per unit of conservativeness (SGLANG_INIT_NEW_TOKEN_RATIO). */
const initialRatio = 0.7
/** The least, as a share of the initial one (SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR), and the decode steps until then. */
const leastFactor = 0.14
const decaySteps = 600
/** Tokens that every kept request is expected to gain until the next retraction (SGLANG_RETRACT_DECODE_STEPS). */
const stepsToNextRetraction = 20

/** How much of what running requests may still generate is reserved when others are admitted: falls while all goes well. */
export class NewTokenRatio {
  value: number
  private readonly initial: number
  private readonly least: number
  private readonly decay: number

  constructor(conservativeness: number) {
    this.initial = Math.min(1, initialRatio * conservativeness)
    this.least = Math.min(1, this.initial * leastFactor)
    this.decay = (this.initial - this.least) / decaySteps
    this.value = this.initial
  }

  /** Decode steps were formed that fitted. */
  advance(steps: number): void {
    // Step by step, so that many at once give the same bits.
    for (let i = 0; i < steps && this.value > this.least; i++) this.value = Math.max(this.value - this.decay, this.least)
  }

  /** Requests were retracted; `kept` requests with so many tokens, of `mostTokens` that they may generate, go on. */
  retracted(kept: number, outputTokens: number, mostTokens: number): void {
    this.value = Math.min(1, (outputTokens + stepsToNextRetraction * kept) / (mostTokens + 1))
  }

  /** Nothing runs and nothing waits. */
  reset(): void {
    this.value = this.initial
  }
}
