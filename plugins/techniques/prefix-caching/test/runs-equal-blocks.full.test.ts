import { it } from 'vitest'
import { expectRunsEqualBlocks } from './runs-equal-blocks.js'

it('keeps and loses what a cache of single blocks keeps and loses, over 40,000 random traces', () => {
  expectRunsEqualBlocks(40_000)
})
