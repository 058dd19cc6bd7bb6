import type { KvRange } from '@servesim/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rankFlows } from './kv-flows.js'

const heads = 4
const bytesPerLayerAndHead = 64

/** Ranks of a replica: stages of equal layers, tensor-parallel ranks of equal heads, or of one head that several ranks hold. */
function replica(tensor: number, stageLayers: readonly number[]): KvRange[] {
  let first = 0
  return stageLayers.flatMap((count) => {
    const firstLayer = first
    first += count
    return Array.from({ length: tensor }, (_, rank) => {
      const firstHead = Math.floor((rank * heads) / tensor)
      const endHead = Math.max(firstHead + 1, Math.floor(((rank + 1) * heads) / tensor))
      return { firstLayer, endLayer: first, firstHead, endHead, bytesPerToken: count * (endHead - firstHead) * bytesPerLayerAndHead }
    })
  })
}

test('equal ranks send to each other, one to one', () => {
  const ranks = replica(2, [8])
  expect(rankFlows(ranks, ranks)).toEqual([
    { sourceRank: 0, targetRank: 0, bytesPerToken: 1024, layers: 8 },
    { sourceRank: 1, targetRank: 1, bytesPerToken: 1024, layers: 8 },
  ])
})

test('a rank of two heads gets one from each of two ranks', () => {
  expect(rankFlows(replica(4, [8]), replica(2, [8]))).toEqual([
    { sourceRank: 0, targetRank: 0, bytesPerToken: 512, layers: 8 },
    { sourceRank: 1, targetRank: 0, bytesPerToken: 512, layers: 8 },
    { sourceRank: 2, targetRank: 1, bytesPerToken: 512, layers: 8 },
    { sourceRank: 3, targetRank: 1, bytesPerToken: 512, layers: 8 },
  ])
})

test('stages of other sizes get their layers from wherever those were computed', () => {
  expect(rankFlows(replica(1, [4, 4]), replica(1, [6, 2]))).toEqual([
    { sourceRank: 0, targetRank: 0, bytesPerToken: 1024, layers: 4 },
    { sourceRank: 1, targetRank: 0, bytesPerToken: 512, layers: 2 },
    { sourceRank: 1, targetRank: 1, bytesPerToken: 512, layers: 2 },
  ])
})

test('ranks that hold the same head take turns', () => {
  expect(rankFlows(replica(8, [8]), replica(4, [8])).map((flow) => flow.sourceRank)).toEqual([0, 3, 4, 7])
  expect(rankFlows(replica(4, [8]), replica(8, [8])).map((flow) => flow.sourceRank)).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
})

test('each target rank gets all of its bytes, from ranks that hold them', () => {
  const shape = fc.record({
    tensor: fc.constantFrom(1, 2, 4, 8),
    stages: fc.constantFrom([8], [4, 4], [1, 7], [5, 3], [2, 2, 2, 2], [1, 4, 2, 1]),
  })
  fc.assert(
    fc.property(shape, shape, (from, to) => {
      const sources = replica(from.tensor, from.stages)
      const targets = replica(to.tensor, to.stages)
      const flows = rankFlows(sources, targets)
      for (const [rank, { bytesPerToken }] of targets.entries()) {
        const got = flows.filter((flow) => flow.targetRank === rank).reduce((sum, flow) => sum + flow.bytesPerToken, 0)
        expect(got).toBeCloseTo(bytesPerToken, 6)
      }
      for (const { sourceRank, targetRank } of flows) {
        const [s, t] = [sources[sourceRank]!, targets[targetRank]!]
        expect(Math.min(s.endHead, t.endHead)).toBeGreaterThan(Math.max(s.firstHead, t.firstHead))
        expect(Math.min(s.endLayer, t.endLayer)).toBeGreaterThan(Math.max(s.firstLayer, t.firstLayer))
      }
    }),
  )
})
