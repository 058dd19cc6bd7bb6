import { it } from 'vitest'
import { expectRunsEqualBlocks } from './runs-equal-blocks.js'

/** `SERVESIM_CASES` shortens or lengthens all tests over random cases. */
const cases = Number(process.env.SERVESIM_CASES ?? 1200)

it(`keeps and loses what a cache of single blocks keeps and loses, over ${cases} random traces`, () => {
  expectRunsEqualBlocks(cases)
}, 60_000)
