import { z } from 'zod'
import { methodNames } from './methods.js'
import { presetNames } from './presets.js'

const share = z.number().min(0).max(1)
const drafts = z.number().int().min(1).max(64)
const sequences = z.number().int().min(1).max(1_000_000)

const acceptance = z
  .union([z.enum(presetNames), share, z.array(share).min(1).max(64), z.strictObject({ meanTokens: z.number().min(1).max(65) })])
  .describe('How often drafts are kept')

export const options = z.strictObject({
  method: z.enum(methodNames).default('eagle3').describe('Who drafts: lookup in the text, a small model, or a head of the model'),
  numSpeculativeTokens: drafts.optional().describe('Drafts of a step; absent: as many as the acceptance has positions for'),
  draftModel: z
    .union([z.string().min(1), z.record(z.string(), z.unknown())])
    .optional()
    .describe('The small model, or for eagle and eagle3 the head: Hugging Face id, or the content of a config.json'),
  draftVocabularySize: z
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe('Tokens that a head can draft; absent: the whole vocabulary'),
  acceptance: acceptance
    .optional()
    .describe(
      'How often drafts are kept: a preset, one chance for each draft given the one before, rates by position, or tokens of a step; absent: a preset by method',
    ),
  conditionalRates: z
    .boolean()
    .default(false)
    .describe('Rates by position are chances given that the position before was kept, not shares of all steps'),
  classes: z
    .array(z.strictObject({ value: z.number(), acceptance }))
    .max(1000)
    .default([])
    .describe('Acceptance of requests with this value in `classColumn`, instead of the common one'),
  classColumn: z.enum(['tenant', 'priority']).default('tenant').describe('What tells classes of requests apart'),
  disableAboveBatchSize: sequences.optional().describe('Steps of more sequences are followed by ones without drafts'),
  numSpeculativeTokensPerBatchSize: z
    .array(z.tuple([sequences, sequences, z.number().int().min(0).max(64)]))
    .max(1000)
    .default([])
    .describe('[from, to, drafts]: fewer drafts after steps of so many sequences'),
  ngramHitFraction: share.default(1).describe('How often the lookup finds anything; where it does not, nothing is drafted'),
  lookupNsPerToken: z.number().min(0).max(1e6).default(1).describe('Host time of the lookup for each token of context, ns'),
})

export type Options = z.output<typeof options>
