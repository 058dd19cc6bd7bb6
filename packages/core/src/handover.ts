import type { Network } from './points/network.js'

/** What a step's activations take from stage to stage, by tokens; priced when a count first occurs. */
export class Handover {
  private readonly within: Float64Array
  private readonly between: Float64Array

  constructor(
    private readonly network: Network | undefined,
    private readonly bytesPerToken: number,
    private readonly betweenNodes: Uint8Array,
    maxTokens: number,
  ) {
    this.within = new Float64Array(maxTokens + 1).fill(Number.NaN)
    this.between = this.within.slice()
  }

  price(tokens: number, handoverNs: Float64Array): void {
    for (let s = 0; s < handoverNs.length; s++) handoverNs[s] = this.ns(tokens, this.betweenNodes[s] === 1)
  }

  private ns(tokens: number, betweenNodes: boolean): number {
    const prices = betweenNodes ? this.between : this.within
    const known = prices[tokens]!
    if (!Number.isNaN(known)) return known
    const bytes = tokens * this.bytesPerToken
    const ns = bytes === 0 ? 0 : this.network!.transferNs(bytes, betweenNodes)
    prices[tokens] = ns
    return ns
  }
}
