import { expect, it } from 'vitest'
import { KvBlocks } from './kv-blocks.js'
import type { KvIndex } from './points/kv-index.js'
import { RequestTable } from './request-table.js'

function withRequests(total: number, index?: KvIndex) {
  const requests = new RequestTable()
  const [a, b] = [requests.allocate(), requests.allocate()]
  return { requests, a, b, kv: new KvBlocks(total, 4, requests, index) }
}

it('gives whole blocks, only when a sequence crosses into one', () => {
  const { kv, requests, a } = withRequests(3)
  expect(kv.extend(a, 4)).toBe(true)
  expect([requests.blocks[a], kv.free, kv.used]).toEqual([1, 2, 1])
  expect(kv.extend(a, 5)).toBe(true)
  expect(kv.extend(a, 8)).toBe(true)
  expect([requests.blocks[a], kv.free]).toEqual([2, 1])
})

it('changes nothing when blocks are short', () => {
  const { kv, requests, a, b } = withRequests(3)
  kv.extend(a, 8)
  expect(kv.extend(a, 17)).toBe(false)
  expect(kv.admit(b, 5, 0, 0)).toBe(false)
  expect([requests.blocks[a], requests.blocks[b], kv.free]).toEqual([2, 0, 1])
})

it('admits only where a whole sequence would find room, though it gives blocks for the first tokens', () => {
  const { kv, requests, a } = withRequests(3)
  expect(kv.admit(a, 4, 0, 13)).toBe(false)
  expect(kv.admit(a, 4, 0, 12)).toBe(true)
  expect([requests.blocks[a], kv.free]).toEqual([1, 2])
})

it('takes all blocks back, once', () => {
  const { kv, requests, a } = withRequests(3)
  kv.extend(a, 12)
  kv.release(a)
  kv.release(a)
  expect([requests.blocks[a], kv.free]).toEqual([0, 3])
})

it('counts hit blocks without a holder as used once they are taken, and hit blocks with one not at all', () => {
  const calls: string[] = []
  const index = {
    idle: () => 1,
    take: (_r: number, blocks: number) => calls.push(`take ${blocks}`),
    reclaim: (n: number) => calls.push(`reclaim ${n}`),
  }
  const { kv, requests, a } = withRequests(3, index as unknown as KvIndex)
  // Three blocks: two hits, of which one is idle, and a new one.
  expect(kv.admit(a, 12, 2, 0)).toBe(true)
  expect([requests.blocks[a], kv.free]).toEqual([3, 1])
  expect(calls).toEqual(['take 2', 'reclaim 1'])
  expect(kv.admit(a, 13, 2, 0)).toBe(false)
})
