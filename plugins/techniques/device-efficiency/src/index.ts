import { definePlugin, stepCost, technique } from '@servesim/core'
import { z } from 'zod'
import { ScaledCost } from './scaled-cost.js'

const factor = z.number().min(0.05).max(20).default(1)

/** What a device needs beside what its tables or its analytic model say, as factors on time. */
export const deviceEfficiency = definePlugin('technique-device-efficiency', (host) => {
  host.provide(technique, {
    name: 'device-efficiency',
    description: 'Scales the time of operators and of attention, as calibrated on a real server.',
    options: z.strictObject({
      operatorFactor: factor.describe('On the time of everything but attention, collectives included'),
      attentionFactor: factor.describe('On the time of attention'),
      source: z.string().min(1).default('as the scenario states').describe('Where the factors come from; the summary says it'),
    }),
    build({ operatorFactor, attentionFactor, source }, { claim, assume }) {
      assume(
        `Operators take ${operatorFactor.toFixed(3)} and attention ${attentionFactor.toFixed(3)} times what the device says: ${source}.`,
      )
      claim(stepCost, {
        name: 'device-efficiency',
        wrap: (next) => new ScaledCost(next, operatorFactor, attentionFactor),
      })
    },
  })
})

export default deviceEfficiency
