import { definePlugin, type Router, router } from '@servesim/core'
import { z } from 'zod'

/** Sends requests to the replicas in turn, blind to load and length. */
export const roundRobin = definePlugin('router-round-robin', (host) => {
  host.provide(router, {
    name: 'round-robin',
    description: 'Sends requests to the replicas in turn.',
    options: z.strictObject({}),
    build(): Router {
      let next = 0
      return {
        reads: 'shape',
        route(_request, view) {
          let replica = next < view.replicaCount ? next : 0
          while (!view.takesRequests(replica)) replica = (replica + 1) % view.replicaCount
          next = replica + 1
          return replica
        },
      }
    },
  })
})

export default roundRobin
