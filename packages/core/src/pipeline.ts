import type { Step } from './step.js'

/**
 * The stages that the steps of a replica pass one after another; each works on one step at a time, in the order in which they were formed.
 * A stage goes on while its activations travel.
 */
export class Pipeline {
  /** When each stage has done all that has entered so far. */
  readonly freeNs: Float64Array

  constructor(readonly stages: number) {
    this.freeNs = new Float64Array(stages)
  }

  /** When the first stage can take another step. */
  get readyNs(): number {
    return this.freeNs[0]!
  }

  /**
   * A step enters at `startNs`.
   * @param stageNs what it takes on each stage, integers ≥ 1
   * @param handoverNs from each stage to the next, integers
   * @returns when it leaves the last stage
   */
  pass(startNs: number, stageNs: Float64Array, handoverNs: Float64Array): number {
    const { freeNs } = this
    let at = startNs
    for (let s = 0; s < freeNs.length; s++) {
      if (s > 0) at += handoverNs[s - 1]!
      at = Math.max(at, freeNs[s]!) + stageNs[s]!
      freeNs[s] = at
    }
    return at
  }

  /** Nothing is under way any more. */
  clear(): void {
    this.freeNs.fill(0)
  }
}

/**
 * Rounds what each stage takes for a priced step, into `step.stageNs`, and the hand-over between them.
 * @param shares of the attention, by layers
 * @returns their sum
 */
export function setStageTimes(step: Step, shares: Float64Array): number {
  const { stageNs, ahead, attentionNs } = step
  const last = shares.length - 1
  const { fixedNs, handoverNs } = ahead
  let sum = 0
  for (let s = 0; s <= last; s++) {
    stageNs[s] = Math.max(1, Math.round((s < last ? fixedNs[s]! : step.fixedNs) + attentionNs * shares[s]!))
    sum += stageNs[s]!
    if (s === last) break
    handoverNs[s] = Math.round(handoverNs[s]!)
    sum += handoverNs[s]!
  }
  return sum
}
