import { admission, definePlugin } from '@servesim/core'
import { z } from 'zod'
import { QueueLimit } from './queue-limit.js'

const count = z.number().int().max(1e9)

/** Lets requests in while few wait; the others wait at the door, or are refused. */
export const queueLimit = definePlugin('admission-queue-limit', (host) => {
  host.provide(admission, {
    name: 'queue-limit',
    description: 'Lets requests in while few wait; the others wait at the door, or are refused.',
    options: z.strictObject({
      maxWaiting: count.min(1).default(100).describe('Requests that may wait per replica'),
      maxInFlight: count.min(1).default(1e9).describe('Requests that may wait or run per replica'),
      maxQueued: count.min(0).default(0).describe('Requests that may wait at the door; those beyond are refused'),
      sparePriority: z
        .number()
        .min(-1e9)
        .max(1e9)
        .optional()
        .describe('Requests of this priority or a more urgent (lower) one are always let in; none where absent'),
    }),
    build: (options, { requests }) => new QueueLimit(options, requests),
  })
})

export default queueLimit
