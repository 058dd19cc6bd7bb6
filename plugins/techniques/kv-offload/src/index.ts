import { definePlugin, kvTier, ServesimError, technique } from '@servesim/core'
import { Copies } from './copies.js'
import { OffloadTier } from './offload-tier.js'
import { options } from './options.js'
import { SharedMemories } from './shared-memories.js'
import { Totals } from './totals.js'

/** Host memory behind the device's KV cache. Claims a `kvTier` of its pool. */
export const kvOffload = definePlugin('technique-kv-offload', (host) => {
  host.provide(technique, {
    name: 'kv-offload',
    description: 'Keeps KV in host memory behind the device’s cache and loads it from there while other requests step.',
    flag: 'kv-offload',
    options,
    build(own, context) {
      const { engine, path } = context
      engine.transfers.need(path)
      if (own.store === 'on-eviction') context.memoryClaim({ purpose: 'KV on its way to the host', bytes: own.stagingGiB * 2 ** 30 })
      const memories = new SharedMemories(own, context)
      const copies = new Copies(engine)
      const totals = new Totals(engine)
      // Whether loading is sooner changes with every flow: a request that waits is asked about at each form.
      const reads = own.store === 'on-eviction' || own.generated || own.load === 'sooner' ? 'tokens' : 'sequences'
      context.claim(kvTier, {
        name: 'kv-offload',
        reads,
        build(replica) {
          if (replica.index === undefined) throw withoutCache(path)
          const forget = (of: typeof replica) => memories.forget(of, engine.transfers.placement)
          const parts = { own, reads, engine, copies, totals, forget } as const
          return new OffloadTier(parts, memories.of(replica, engine.transfers.placement), replica)
        },
      })
    },
  })
})

export default kvOffload

function withoutCache(path: string): ServesimError {
  return new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    path,
    'Host memory is found by what the device’s prefix cache knows of texts, and the pool has none.',
    'Switch the technique "prefix-caching" on, or "kv-offload" off.',
  )
}
