import { expect, it } from 'vitest'
import { NewTokenRatio } from './new-token-ratio.js'

it('falls from 0.7 to 14 % of that within 600 decode steps, and starts again when idle', () => {
  const ratio = new NewTokenRatio(1)
  expect(ratio.value).toBeCloseTo(0.7, 12)
  ratio.advance(300)
  expect(ratio.value).toBeCloseTo((0.7 + 0.098) / 2, 12)
  ratio.advance(10_000)
  expect(ratio.value).toBeCloseTo(0.098, 12)
  ratio.reset()
  expect(ratio.value).toBeCloseTo(0.7, 12)
})

it('never exceeds 1, however conservative', () => {
  expect(new NewTokenRatio(5).value).toBe(1)
  const ratio = new NewTokenRatio(1)
  ratio.retracted(3, 100, 100)
  expect(ratio.value).toBe(1)
})

it('follows what the kept requests have generated after a retraction', () => {
  const ratio = new NewTokenRatio(1)
  ratio.retracted(2, 60, 399)
  expect(ratio.value).toBe(0.25)
})

it('falls by the same bits in many steps at once as one by one', () => {
  const [one, many] = [new NewTokenRatio(0.9), new NewTokenRatio(0.9)]
  for (let i = 0; i < 571; i++) one.advance(1)
  many.advance(571)
  expect(many.value).toBe(one.value)
})
