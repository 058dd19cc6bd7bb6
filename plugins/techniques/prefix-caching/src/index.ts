import { definePlugin, kvIndex, technique } from '@servesim/core'
import { z } from 'zod'
import { PrefixIndex } from './prefix-index.js'
import { RunTable } from './run-table.js'

/** vLLM 0.24 (PR #42656) puts freed blocks without a hash at the head of the free queue; before, every freed block went to its tail. */
const blankFirstSince = [0, 24] as const

/** Requests that share the start of their text share KV blocks. Claims the KV index of each replica. */
export const prefixCaching = definePlugin('technique-prefix-caching', (host) => {
  host.provide(technique, {
    name: 'prefix-caching',
    description: 'Shares the KV blocks of common prefixes, as vLLM’s device cache does.',
    flag: 'prefix-caching',
    options: z.strictObject({
      eviction: z
        .looseObject({ use: z.string().min(1) })
        .default({ use: 'lru' })
        .describe('Which unreferenced blocks are reused first'),
    }),
    build({ eviction }, context) {
      // A mistake in the policy's options must show at build, before the first replica.
      context.eviction(eviction, { runCapacity: 1, totalBlocks: 1, runs: new RunTable() })
      context.claim(kvIndex, (replica) => {
        const runs = new RunTable()
        const policy = context.eviction(eviction, { runCapacity: 256, totalBlocks: replica.totalBlocks, runs })
        return new PrefixIndex(replica, policy, isSince(replica.engineRelease, blankFirstSince), runs)
      })
    },
  })
})

export default prefixCaching

function isSince(release: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = release.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}
