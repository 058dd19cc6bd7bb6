import { definePoint } from './point.js'

/** How tokens spread over the experts of an MoE layer. */
export interface ExpertLoad {
  /**
   * @param tokens that a router sees, all replicas together
   * @returns experts of the whole layer that at least one of them visits, as an expectation: topK ≤ … ≤ experts
   */
  activatedExperts(experts: number, topK: number, tokens: number): number
  /** (Token, expert) pairs of the busiest of `ranks` ranks ÷ its fair share; the step waits for it. ≥ 1 */
  busiestShare(experts: number, topK: number, tokens: number, ranks: number): number
  /** Sentence for the summary. */
  readonly assumption: string
}

export const expertLoad = definePoint<ExpertLoad>({ id: 'servesim/expert-load', contract: 1, cardinality: 'single', scope: 'pool' })
