import { definePlugin, type Reads, type RunPrice, type StepCost, type StepPrice, type StepView, stepCost, technique } from '@servesim/core'
import { z } from 'zod'

/**
 * Step times that rise and fall with every token, so that nothing may rest on steps growing slower: for tests of whatever takes several
 * steps at once. Reads every count that a step cost may read.
 */
export const toyJitter = definePlugin('toy-jitter', (host) => {
  host.provide(technique, {
    name: 'toy-jitter',
    description: 'Step times that rise and fall with every token.',
    options: z.strictObject({ amplitudeNs: z.number().min(0).max(1e9).default(1000).describe('Most that a step gets longer') }),
    build: ({ amplitudeNs }, context) => context.claim(stepCost, { name: 'toy-jitter', wrap: (next) => new Jitter(next, amplitudeNs) }),
  })
})

class Jitter implements StepCost {
  constructor(
    private readonly next: StepCost,
    private readonly amplitudeNs: number,
  ) {}

  get reads(): Reads {
    return this.next.reads === 'tokens' ? 'tokens' : 'sequences'
  }

  price(step: StepView, startNs: number, out: StepPrice): void {
    this.next.price(step, startNs, out)
    out.attentionNs += this.jitterNs(step.longestDecodeContext, step.decodeContextSum)
  }

  priceRun(step: StepView, count: number, startNs: number, out: RunPrice): void {
    this.next.priceRun(step, count, startNs, out)
    for (let j = 0; j < count; j++)
      out.attentionNs[j]! += this.jitterNs(step.longestDecodeContext + j, step.decodeContextSum + j * step.decodes)
  }

  private jitterNs(longestContext: number, contextSum: number): number {
    return (this.amplitudeNs * ((37 * longestContext + 11 * contextSum) % 17)) / 17
  }
}
