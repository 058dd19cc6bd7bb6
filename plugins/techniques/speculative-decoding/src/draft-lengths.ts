import { ServesimError } from '@servesim/core'
import type { Options } from './options.js'

/**
 * Drafts by the number of sequences in the step that yields them.
 * @returns entry n: drafts after a step of n sequences; the last entry stands for all beyond
 * @throws ServesimError SERVESIM_BAD_OPTION for ranges that overlap, run backwards or ask for more drafts than there can be
 */
export function draftLengths(
  { numSpeculativeTokensPerBatchSize: ranges, disableAboveBatchSize }: Options,
  maxDrafts: number,
  maxSequences: number,
  path: string,
): Uint8Array {
  const lengths = new Uint8Array(maxSequences + 1).fill(maxDrafts)
  const covered = new Uint8Array(maxSequences + 1)
  for (const [i, [from, to, drafts]] of ranges.entries()) {
    const wrong =
      to < from
        ? `runs from ${from} to ${to}`
        : drafts > maxDrafts
          ? `asks for ${drafts} drafts of at most ${maxDrafts}`
          : covered.subarray(from, to + 1).includes(1)
            ? 'overlaps one before it'
            : undefined
    if (wrong !== undefined) {
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        `${path}.numSpeculativeTokensPerBatchSize[${i}]`,
        `[${from}, ${to}, ${drafts}] ${wrong}.`,
        'Give ranges [from, to, drafts] of batch sizes that do not overlap, with at most numSpeculativeTokens drafts.',
      )
    }
    lengths.fill(drafts, from, to + 1)
    covered.fill(1, from, to + 1)
  }
  if (disableAboveBatchSize !== undefined) lengths.fill(0, disableAboveBatchSize + 1)
  return lengths
}
