import { definePlugin, type Plugin, type Router, router } from '@servesim/core'
import { z } from 'zod'

const options = z.strictObject({
  waitingWeight: z.number().min(0).default(4).describe('How much a waiting request weighs against a running one'),
})

/** Sends a request to the replica with the least weighted load; among equals to the first. */
export const exampleName: Plugin = definePlugin('router-example-name', (host) => {
  host.provide(router, {
    name: 'example-name',
    description: 'Sends a request to the replica with the least weighted load.',
    options,
    build: ({ waitingWeight }): Router => ({
      // Counts of requests are all that it looks at.
      reads: 'shape',
      route(_request, view) {
        let best = 0
        let least = Number.POSITIVE_INFINITY
        for (let replica = 0; replica < view.replicaCount; replica++) {
          if (!view.takesRequests(replica)) continue
          const load = waitingWeight * view.waiting(replica) + view.running(replica)
          if (load < least) {
            best = replica
            least = load
          }
        }
        return best
      },
    }),
  })
})

export default exampleName
