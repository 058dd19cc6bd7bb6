import { definePlugin, eviction } from '@servesim/core'
import { z } from 'zod'
import { S3Fifo } from './s3-fifo.js'

/** Evicts KV blocks by S3-FIFO: a small queue in which new content proves itself, a main queue, and a memory of what was lost. */
export const s3Fifo = definePlugin('eviction-s3-fifo', (host) => {
  host.provide(eviction, {
    name: 's3-fifo',
    description: 'Reuses content that was never hit again before content that was.',
    options: z.strictObject({
      smallFraction: z.number().gt(0).lt(1).default(0.1).describe('Share of the unreferenced blocks that new content may fill'),
      ghostFraction: z.number().min(0).max(10).default(0.9).describe('Lost blocks that are remembered, as a share of the cache’s blocks'),
    }),
    build: ({ smallFraction, ghostFraction }, { totalBlocks, runs }) =>
      new S3Fifo(runs, smallFraction, Math.floor(ghostFraction * totalBlocks)),
  })
})

export default s3Fifo
