import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_PARENT, PrefixInterner } from './prefix-interner.js'

/** Ids of every whole group of a text. */
function idsOf(interner: PrefixInterner, tokens: number[], groupWords: number): number[] {
  const words = Int32Array.from(tokens)
  const ids: number[] = []
  for (let start = 0; start + groupWords <= words.length; start += groupWords)
    ids.push(interner.intern(ids.at(-1) ?? NO_PARENT, words, start))
  return ids
}

test('equal ids mean equal prefixes and unequal ids unequal ones, dense in the order first seen', () => {
  const texts = fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 24 }), { maxLength: 60 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), texts, (groupWords, list) => {
      const interner = new PrefixInterner(groupWords)
      const reference = new Map<string, number>()
      for (const text of list) {
        idsOf(interner, text, groupWords).forEach((id, group) => {
          const prefix = text.slice(0, (group + 1) * groupWords).join()
          if (!reference.has(prefix)) reference.set(prefix, reference.size)
          expect(id).toBe(reference.get(prefix))
        })
      }
      expect(interner.size).toBe(reference.size)
    }),
  )
})

test('keeps its ids while the table grows', () => {
  const interner = new PrefixInterner(1)
  const words = Int32Array.from({ length: 5000 }, (_, i) => Math.imul(i, 0x9e3779b1))
  for (let i = 0; i < words.length; i++) interner.intern(NO_PARENT, words, i)
  for (let i = 0; i < words.length; i++) expect(interner.intern(NO_PARENT, words, i)).toBe(i)
})

test('prefixes whose hashes collide stay apart', () => {
  // Of 300,000 prefixes some ten pairs share a 32-bit hash.
  const count = 300_000
  const scattered = (i: number, factor: number) => Math.imul(i ^ (i >>> 7), factor)
  const words = Int32Array.from({ length: count * 2 }, (_, i) => scattered(i, i % 2 === 0 ? 0x9e3779b1 : 0x85ebca77))
  const interner = new PrefixInterner(2)
  for (let i = 0; i < count; i++) interner.intern(NO_PARENT, words, i * 2)
  expect(interner.size).toBe(count)
})

test('the same group after another prefix is another prefix', () => {
  const interner = new PrefixInterner(2)
  const group = Int32Array.of(5, 6)
  const first = interner.intern(NO_PARENT, group, 0)
  expect(interner.intern(first, group, 0)).not.toBe(first)
})
