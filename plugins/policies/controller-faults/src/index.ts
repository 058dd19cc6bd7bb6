import { controller, definePlugin } from '@servesim/core'
import { z } from 'zod'
import { Faults } from './faults.js'

const seconds = z.number().min(0).max(1e9)

/** Replicas that die and come back, at given instants or at random. */
export const faults = definePlugin('controller-faults', (host) => {
  host.provide(controller, {
    name: 'faults',
    description: 'Replicas die, drain and come back, at given instants or at random.',
    options: z.strictObject({
      events: z
        .array(
          z.strictObject({
            atS: seconds.describe('When, seconds from the start'),
            replica: z.number().int().min(0).max(1e9).describe('Which, from 0 in the order of the pools'),
            action: z.enum(['kill', 'start', 'drain']).describe('It dies; it comes up, empty; it takes no further request'),
          }),
        )
        .default([])
        .describe('What happens when'),
      meanTimeBetweenFailuresS: seconds
        .min(1e-6)
        .optional()
        .describe('Each replica dies at random, so long after it came up on average (exponential); never where absent'),
      meanTimeToRepairS: seconds.default(120).describe('And comes up again so much later on average (exponential)'),
    }),
    build: (options, { path, replicaCount, random }) => new Faults(options, path, replicaCount, random),
  })
})

export default faults
