import { definePlugin, eviction } from '@servesim/core'
import { z } from 'zod'
import { RunQueue } from './run-queue.js'

/** Reuses the run of KV blocks that has been unreferenced longest, tail first, like vLLM's free queue. */
export const lru = definePlugin('eviction-lru', (host) => {
  host.provide(eviction, {
    name: 'lru',
    description: 'Reuses the blocks that have been unreferenced longest.',
    options: z.strictObject({}),
    build(_options, { runCapacity }) {
      const queue = new RunQueue(runCapacity)
      return {
        release: (run) => queue.append(run),
        reference: (run) => queue.remove(run),
        split: (run, rest) => queue.insertBefore(run, rest),
        victim: () => queue.oldest,
      }
    },
  })
})

export default lru
