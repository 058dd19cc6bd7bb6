import { definePlugin, type Plugin, type StepCost, stepCost, technique } from '@servesim/core'
import { z } from 'zod'

const options = z.strictObject({
  clockFraction: z.number().min(0.1).max(1).default(0.8).describe('Clock that is left, 0–1'),
})

/** Work on the device takes longer by a factor, as under a power limit; the host is not affected. */
export const exampleName: Plugin = definePlugin('technique-example-name', (host) => {
  host.provide(technique, {
    name: 'example-name',
    description: 'Slows the device down, as a power limit does.',
    flag: 'example-name',
    options,
    build({ clockFraction }, context) {
      context.assume(`The device runs at ${clockFraction} of its clock, memory included.`)
      context.claim(stepCost, { name: 'example-name', wrap: (next) => slower(next, clockFraction) })
    },
  })
})

export default exampleName

function slower(next: StepCost, clockFraction: number): StepCost {
  return {
    // What is wrapped may look closer than this link does.
    reads: next.reads,
    price(step, startNs, out) {
      next.price(step, startNs, out)
      out.fixedNs /= clockFraction
      out.attentionNs /= clockFraction
    },
    // The same prices for a run of decode steps, to the last bit.
    priceRun(step, count, startNs, out) {
      next.priceRun(step, count, startNs, out)
      out.fixedNs /= clockFraction
      for (let j = 0; j < count; j++) out.attentionNs[j]! /= clockFraction
    },
  }
}
