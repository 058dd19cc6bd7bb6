import { expect, it } from 'vitest'
import { isServesimError, nearMatches, ServesimError } from './errors.js'

it('finds names a typing mistake away, nearest first, in any case', () => {
  expect(nearMatches('H1O0-sxm', ['h100-sxm', 'h200-sxm', 'a100'])).toEqual(['h100-sxm', 'h200-sxm'])
  expect(nearMatches('llama-3.1-8b', ['meta-llama/Llama-3.1-8B', 'Qwen/Qwen3-8B'])).toEqual(['meta-llama/Llama-3.1-8B'])
  expect(nearMatches('zebra', ['h100-sxm'])).toEqual([])
})

it('knows an error of another copy of core', () => {
  expect(isServesimError(Object.assign(new Error('x'), { servesim: true }))).toBe(true)
  expect(isServesimError(new ServesimError('SERVESIM_STALLED', '', ''))).toBe(true)
  expect([isServesimError(new Error('x')), isServesimError(null), isServesimError('x')]).toEqual([false, false, false])
})
