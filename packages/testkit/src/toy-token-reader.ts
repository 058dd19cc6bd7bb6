import { definePlugin, type StepCost, stepCost, technique } from '@servesim/core'
import { z } from 'zod'

/** A link that says it looks at every token and changes nothing: whoever wraps it must not hide what it says. */
export const toyTokenReader = definePlugin('toy-token-reader', (host) => {
  host.provide(technique, {
    name: 'toy-token-reader',
    description: 'Says that it looks at every token, and changes nothing.',
    options: z.strictObject({}),
    build: (_options, context) =>
      context.claim(stepCost, {
        name: 'toy-token-reader',
        wrap: (next): StepCost => ({
          reads: 'tokens',
          price: (step, startNs, out) => next.price(step, startNs, out),
          priceRun: (step, count, startNs, out) => next.priceRun(step, count, startNs, out),
        }),
      }),
  })
})
