import { definePlugin, router } from '@servesim/core'
import { z } from 'zod'
import { LeastLoaded } from './least-loaded.js'

/** Sends a request to the replica with the fewest waiting and running requests, as vLLM balances data-parallel engines. */
export const leastLoaded = definePlugin('router-least-loaded', (host) => {
  host.provide(router, {
    name: 'least-loaded',
    description: 'Sends a request to the replica with the fewest waiting and running requests.',
    options: z.strictObject({
      waitingWeight: z.number().min(0).max(1e6).default(4).describe('What a waiting request counts, against 1 for a running one'),
      viewAgeMs: z.number().min(0).max(1e9).default(0).describe('Counts are refreshed at most this often; 0: live'),
    }),
    build: ({ waitingWeight, viewAgeMs }, { replicaCount }) => new LeastLoaded(replicaCount, waitingWeight, viewAgeMs * 1e6),
  })
})

export default leastLoaded
