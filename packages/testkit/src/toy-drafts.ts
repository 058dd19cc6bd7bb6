import { decode, definePlugin, technique } from '@servesim/core'
import { z } from 'zod'

const tokens = z.number().int().min(0).max(64)

/** Speculative decoding without a drafter's cost, its acceptance written down: for schedules worked out by hand. */
export const toyDrafts = definePlugin('toy-drafts', (host) => {
  host.provide(technique, {
    name: 'toy-drafts',
    description: 'Drafts that cost nothing and are accepted as written down.',
    options: z.strictObject({
      maxDrafts: tokens.min(1).default(2).describe('Drafts of a sequence in a step'),
      accepted: z
        .array(tokens)
        .min(1)
        .default([0, 1, 2])
        .describe('Entry o: accepted where o tokens have been generated; it starts over at its end'),
      lookaheadSlots: tokens.default(0).describe('KV slots beyond the scheduled tokens'),
      budgetSlots: tokens.default(0).describe('Budget that each sequence takes beyond its scheduled tokens'),
      dropsLastHit: z.boolean().default(false).describe('The last hit block is computed again'),
      synchronous: z.boolean().default(false).describe('No step is formed ahead'),
    }),
    build({ accepted: table, maxDrafts, ...facts }, context) {
      context.claim(decode, ({ requests }) => ({
        reads: 'tokens',
        maxDrafts,
        ...facts,
        drafts: () => maxDrafts,
        accepted: (request, drafts) => Math.min(drafts, table[requests.outputTokens[request]! % table.length]!),
      }))
    },
  })
})
