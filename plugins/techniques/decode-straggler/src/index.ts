import { definePlugin, type StepCost, type StepCostContext, stepCost, technique } from '@servesim/core'
import { z } from 'zod'
import { StragglerCost } from './straggler-cost.js'
import { stragglerTable } from './straggler-table.js'

/**
 * FlashAttention-2 splits no sequence once sequences × KV heads fill this share of two blocks per multiprocessor (its heuristic for the
 * number of splits; csrc/flash_attn/flash_api.cpp).
 */
const unsplitShare = 0.8 * 2

/** Contexts between which the price of a token is read off: long enough that the KV cache of a batch does not fit into L2. */
const probeContexts = [2048, 4096] as const

/** The longest context of a batch finishes last and alone. */
export const decodeStraggler = definePlugin('technique-decode-straggler', (host) => {
  host.provide(technique, {
    name: 'decode-straggler',
    description: 'What a batch of decodes waits for its longest context.',
    flag: 'decode-straggler',
    options: z.strictObject({
      weight: z.number().min(0).max(2).default(1).describe('Share of the computed extra time that is charged; the mechanism says 1'),
      blocksPerMultiprocessor: z
        .int()
        .min(1)
        .max(8)
        .default(1)
        .describe('Thread blocks of the decode kernel that fit a multiprocessor at a time: 1 with 100 KB of shared memory (Ada, RTX Blackwell)'),
    }),
    build({ weight, blocksPerMultiprocessor }, { claim }) {
      if (weight === 0) return
      claim(stepCost, {
        name: 'decode-straggler',
        // The kernel decides on the padded batch.
        after: ['cuda-graphs'],
        wrap: (next, context) => wrap(next, context, weight, blocksPerMultiprocessor),
      })
    },
  })
})

export default decodeStraggler

function wrap(next: StepCost, context: StepCostContext, weight: number, blocksPerMultiprocessor: number): StepCost {
  const { straggler, kvHeads, layers, maxSequences, assume } = context
  if (straggler === undefined) return next
  const unsplitSequences = Math.ceil((unsplitShare * straggler.streamingMultiprocessors) / kvHeads)
  if (unsplitSequences > maxSequences) return next
  const slots = blocksPerMultiprocessor * straggler.streamingMultiprocessors
  const tokenNs = memoryNsPerToken(next, context, slots)
  // A device whose latency does not grow with the context gives nothing to correct.
  if (!(tokenNs > 0)) return next
  const saturatingBlocks = Math.max(1, (straggler.blockNsPerContextToken * layers) / tokenNs)
  assume(
    `Decode attention of ${unsplitSequences} sequences and more waits for the longest context; the others are taken to lie around the mean.`,
  )
  const table = stragglerTable({ slots, saturatingBlocks }, kvHeads)
  return new StragglerCost(next, { table, unsplitSequences, tokenNs: weight * tokenNs })
}

/**
 * What saturated memory needs for one token of context of one KV head, over all layers: the slope of the uncorrected price of a batch of
 * several waves of blocks.
 */
function memoryNsPerToken(next: StepCost, { kvHeads, maxSequences, maxBatchedTokens }: StepCostContext, slots: number): number {
  const sequences = Math.min(maxSequences, maxBatchedTokens, Math.ceil((4 * slots) / kvHeads))
  const [low, high] = probeContexts.map((context) => decodeNs(next, sequences, context))
  return (high! - low!) / ((probeContexts[1] - probeContexts[0]) * sequences * kvHeads)
}

function decodeNs(next: StepCost, sequences: number, context: number): number {
  const out = { fixedNs: 0, attentionNs: 0, hostNs: 0 }
  const step = {
    tokens: sequences,
    sequences,
    decodes: sequences,
    decodeContextSum: sequences * context,
    longestDecodeContext: context,
    prefills: 0,
    prefillTokens: 0,
    prefillWork: 0,
    paddedTokens: sequences,
    paddedSequences: sequences,
    graph: 'none' as const,
  }
  next.price(step, 0, out)
  return out.attentionNs
}
