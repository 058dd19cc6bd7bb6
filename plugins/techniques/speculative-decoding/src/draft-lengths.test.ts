import { parseOptions } from '@servesim/core'
import { expect, it, test } from 'vitest'
import { draftLengths } from './draft-lengths.js'
import { options } from './options.js'

const lengths = (own: Record<string, unknown>, sequences = 8) =>
  Array.from(draftLengths(parseOptions(options, own, 't'), 3, sequences, 't'))

it('drafts as many as there can be, fewer where batch sizes say so, and none above a batch size', () => {
  expect(lengths({})).toEqual([3, 3, 3, 3, 3, 3, 3, 3, 3])
  expect(lengths({ disableAboveBatchSize: 5 })).toEqual([3, 3, 3, 3, 3, 3, 0, 0, 0])
  expect(
    lengths({
      numSpeculativeTokensPerBatchSize: [
        [3, 4, 2],
        [5, 100, 1],
      ],
      disableAboveBatchSize: 7,
    }),
  ).toEqual([3, 3, 3, 2, 2, 1, 1, 1, 0])
})

test.each([
  [[[4, 3, 1]], 'runs from 4 to 3'],
  [[[1, 3, 4]], '4 drafts of at most 3'],
  [
    [
      [1, 3, 2],
      [3, 5, 1],
    ],
    'overlaps',
  ],
])('%j is refused', (numSpeculativeTokensPerBatchSize, said) => {
  expect(() => lengths({ numSpeculativeTokensPerBatchSize })).toThrow(said)
})
