import { type Eviction, type EvictionContext, eviction, PrefixTree, parseOptions, Registry } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { PrefixIds } from '@servesim/testkit'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HostMemory } from '../src/host-memory.js'
import { ReferenceHostMemory } from './reference-host-memory.js'

const newLru = (context: EvictionContext): Eviction => {
  const provider = new Registry([lru]).named(eviction, 'lru', 'eviction')
  return provider.build(parseOptions(provider.options, { use: 'lru' }, 'eviction'), context)
}

const text = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 7, size: 'max' })
const operation = fc.record({
  kind: fc.constantFrom(
    'store',
    'store',
    'unknown',
    'end store',
    'end store',
    'end store',
    'abandon',
    'load',
    'load',
    'end load',
    'end load',
    'touch',
  ),
  text,
  from: fc.constantFrom(0, 0, 1, 2, 5),
  length: fc.integer({ min: 1, max: 7 }),
  pick: fc.nat(20),
})

it('keeps, gives up and finds what a memory of single blocks does', () => {
  let evicted = 0
  let found = 0
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), fc.array(operation, { minLength: 40, maxLength: 100 }), (capacity, trace) => {
      const tree = new PrefixTree(4)
      const runs = new HostMemory(capacity, tree, newLru)
      const blocks = new ReferenceHostMemory(capacity)
      const ids = new PrefixIds()
      const stores: [number[], string[]][] = []
      const loads: [chain: number, from: number, to: number, keys: string[]][] = []
      for (const { kind, text, from: start, length, pick } of trace) {
        const known = Int32Array.from(ids.of(text))
        const chain = tree.intern({ ids: known, count: known.length, groupTokens: 4 })
        const from = Math.min(start, text.length - 1)
        const to = Math.min(text.length, from + length)
        const keys = text.map((_, i) => text.slice(0, i + 1).join('')).slice(from, to)
        const takeFrom = <Item>(list: Item[]): Item | undefined => list.splice(pick % Math.max(1, list.length), 1)[0]
        if (kind === 'store' || kind === 'unknown') {
          const made = kind === 'store' ? runs.beginStore(chain, from, to) : runs.beginStoreUnknown(length)
          const expected = kind === 'store' ? blocks.beginStore(keys) : blocks.beginStoreUnknown(length)
          expect(made === undefined).toBe(expected === undefined)
          if (made !== undefined) stores.push([made, expected!])
        } else if (kind === 'end store' || kind === 'abandon') {
          const store = takeFrom(stores)
          if (store === undefined) continue
          if (kind === 'abandon') runs.abandonStore(store[0])
          else runs.endStore(store[0])
          if (kind === 'abandon') blocks.abandonStore(store[1])
          else blocks.endStore(store[1])
        } else if (kind === 'load') {
          const count = runs.stored(chain, from, to)
          if (count === 0) continue
          found += count
          runs.beginLoad(chain, from, from + count)
          blocks.beginLoad(keys.slice(0, count))
          loads.push([chain, from, from + count, keys.slice(0, count)])
        } else if (kind === 'end load') {
          const load = takeFrom(loads)
          if (load === undefined) continue
          runs.endLoad(load[0], load[1], load[2])
          blocks.endLoad(load[3])
        } else {
          runs.touch(chain, to)
          blocks.touch(text.map((_, i) => text.slice(0, i + 1).join('')).slice(0, to))
        }
        expect(runs.stored(chain, from, to)).toBe(blocks.stored(keys))
        expect(runs.isLoading(chain, from, to)).toBe(blocks.isLoading(keys))
        expect(runs.usedBlocks).toBe(blocks.blocks.size)
        expect(runs.evictedBlocks).toBe(blocks.evictedBlocks)
      }
      evicted += runs.evictedBlocks
    }),
    { numRuns: 600 },
  )
  console.log(`host memory = block by block: ${found} blocks found, ${evicted} given up`)
  expect(found).toBeGreaterThan(600)
  expect(evicted).toBeGreaterThan(600)
})
