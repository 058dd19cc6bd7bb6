import { definePlugin, router } from '@servesim/core'
import { z } from 'zod'
import { PowerOfTwo } from './power-of-two.js'

/** Draws two replicas for each request and takes the one with fewer requests in flight. */
export const powerOfTwo = definePlugin('router-power-of-two', (host) => {
  host.provide(router, {
    name: 'power-of-two',
    description: 'Sends a request to the less loaded of two replicas drawn at random.',
    options: z.strictObject({
      viewAgeMs: z.number().min(0).max(1e9).default(0).describe('Counts are refreshed at most this often; 0: live'),
    }),
    build: ({ viewAgeMs }, { replicaCount, random }) => new PowerOfTwo(replicaCount, random, viewAgeMs * 1e6),
  })
})

export default powerOfTwo
