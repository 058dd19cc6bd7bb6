import { PrefixIds } from '@servesim/testkit'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PrefixMemory } from './prefix-memory.js'

const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 30 })

it('finds the longest prefix that a plain list of texts finds', () => {
  fc.assert(
    fc.property(texts, texts, (sent, asked) => {
      const ids = new PrefixIds()
      const memory = new PrefixMemory()
      for (const text of sent) memory.insert(Int32Array.from(ids.of(text)), text.length)
      for (const text of asked) {
        const lengths = sent.map((other) => [...text].findIndex((letter, i) => letter !== other[i]))
        const longest = Math.max(...lengths.map((length) => (length < 0 ? text.length : length)))
        expect(memory.match(Int32Array.from(ids.of(text)), text.length)).toBe(longest)
      }
    }),
  )
})

it('forgets the texts that were used longest ago, from their ends, and never a prefix of what it keeps', () => {
  fc.assert(
    fc.property(texts, fc.nat(12), (sent, most) => {
      const ids = new PrefixIds()
      const memory = new PrefixMemory()
      for (const text of sent) memory.insert(Int32Array.from(ids.of(text)), text.length)
      const before = memory.size
      memory.evict(most)
      expect(memory.size).toBe(Math.min(before, most))
      // The text that was used last goes last.
      const last = Int32Array.from(ids.of(sent.at(-1)!))
      expect(memory.match(last, last.length)).toBe(Math.min(last.length, most))
      // What is kept is closed under prefixes: matching finds every kept id.
      const kept = new Set<number>()
      for (const text of sent) {
        const all = Int32Array.from(ids.of(text))
        for (const id of all.subarray(0, memory.match(all, all.length))) kept.add(id)
      }
      expect(kept.size).toBe(memory.size)
    }),
  )
})
