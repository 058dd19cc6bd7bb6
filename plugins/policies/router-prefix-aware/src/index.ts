import { definePlugin, router } from '@servesim/core'
import { z } from 'zod'
import { PrefixAware } from './prefix-aware.js'

/** Sends a request to the replica that was sent the longest part of its prompt before, unless load is out of balance. */
export const prefixAware = definePlugin('router-prefix-aware', (host) => {
  host.provide(router, {
    name: 'prefix-aware',
    description: 'Sends a request where its prefix was sent before, unless load is out of balance.',
    options: z.strictObject({
      cacheThreshold: z.number().min(0).max(1).default(0.3).describe('Share of the prompt that must be found for its place to decide'),
      balanceAbsThreshold: z
        .number()
        .min(0)
        .max(1e9)
        .default(64)
        .describe('Requests that the most loaded replica must have more than the least loaded for load to decide'),
      balanceRelThreshold: z.number().min(0).max(1e9).default(1.5).describe('How many times as many it must also have'),
      index: z
        .enum(['approximate', 'precise'])
        .default('approximate')
        .describe('Where prefixes are looked up: what the router remembers sending, or what the replicas’ caches hold'),
      // 2²⁶ characters, at the four characters to a token that gateways reckon with.
      maxTreeTokens: z
        .number()
        .int()
        .min(1)
        .max(1e12)
        .default(2 ** 24)
        .describe('Tokens remembered of each replica after an eviction; `approximate` only'),
      evictionIntervalS: z.number().gt(0).max(1e6).default(120).describe('How often what is beyond that is forgotten; `approximate` only'),
    }),
    build: (own, { replicaCount }) => new PrefixAware(replicaCount, own),
  })
})

export default prefixAware
