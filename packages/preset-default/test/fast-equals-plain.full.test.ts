import { it } from 'vitest'
import { expectFastEqualsPlain } from './fast-equals-plain.js'

it('takes stretches of steps at once and gets what step by step gets, in 40,000 more random scenarios', () => {
  expectFastEqualsPlain(1_000_000, 40_000)
})
