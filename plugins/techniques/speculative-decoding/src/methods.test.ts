import { expect, test } from 'vitest'
import { isSynchronous, methods } from './methods.js'

test.each([
  ['ngram', '0.28', true],
  ['draft-model', '0.19', true],
  ['draft-model', '0.28', false],
  ['eagle', '0.19', false],
  ['eagle3', '0.13', true],
  ['mtp', '0.19.0', false],
  ['mtp', 'sglang-0.5', true],
] as const)('%s under %s keeps steps from being formed ahead: %s', (name, release, synchronous) => {
  expect(isSynchronous(methods[name], release)).toBe(synchronous)
})
