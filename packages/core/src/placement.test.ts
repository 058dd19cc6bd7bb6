import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PlacedPool, placeReplicas } from './placement.js'

const pool = (count: number, ranks: number, more: Partial<PlacedPool> = {}): PlacedPool => ({
  count,
  ranks,
  device: 'a',
  devicesPerNode: 8,
  hostsPerNode: 1,
  sharesNodes: true,
  ...more,
})

/** Nodes of the ranks of each replica. */
const nodesOf = (pools: PlacedPool[]) => {
  const placement = placeReplicas(pools)
  return Array.from({ length: placement.replicaCount }, (_, replica) =>
    Array.from({ length: placement.ranksOf(replica) }, (_, rank) => placement.nodeOf(placement.rank(replica, rank))),
  )
}

describe('replicas fill nodes in the order written', () => {
  test('one that does not fit begins a new node', () => {
    expect(nodesOf([pool(3, 3)])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 1],
    ])
  })

  test('one that is larger than a node spans several, and the rest is filled', () => {
    expect(nodesOf([pool(1, 3, { devicesPerNode: 2 }), pool(2, 1, { devicesPerNode: 2 })])).toEqual([[0, 0, 1], [1], [2]])
  })

  test('pools share a node where device and node are the same, unless one will not', () => {
    expect(nodesOf([pool(1, 2), pool(1, 2)])).toEqual([
      [0, 0],
      [0, 0],
    ])
    for (const other of [{ device: 'b' }, { devicesPerNode: 4 }, { sharesNodes: false }]) {
      expect(nodesOf([pool(1, 2), pool(1, 2, other)])).toEqual([
        [0, 0],
        [1, 1],
      ])
    }
    expect(nodesOf([pool(1, 1, { sharesNodes: false }), pool(1, 1)])).toEqual([[0], [1]])
  })
})

test('endpoints are ranks, then hosts, each with its node', () => {
  const placement = placeReplicas([pool(2, 4, { hostsPerNode: 2 }), pool(1, 2, { device: 'b', devicesPerNode: 2 })])
  expect(placement).toMatchObject({ replicaCount: 3, rankCount: 10, nodeCount: 2, endpointCount: 13 })
  expect([placement.rank(1, 0), placement.rank(2, 1)]).toEqual([4, 9])
  // Devices 0–3 of the first node hang on its first host, 4–7 on its second.
  expect([placement.host(0, 3), placement.host(1, 0), placement.host(2, 1)]).toEqual([10, 11, 12])
  expect([10, 11, 12].map((host) => placement.nodeOf(host))).toEqual([0, 0, 1])
  expect([10, 11, 12].map((host) => placement.localOf(host))).toEqual([0, 1, 0])
  expect([0, 5, 9, 10].map((endpoint) => placement.replicaOf(endpoint))).toEqual([0, 1, 2, -1])
})

test('no device is given twice, none beyond its node, and a replica that fits a node is on one', () => {
  const pools = fc.array(
    fc.record({
      count: fc.integer({ min: 1, max: 6 }),
      ranks: fc.integer({ min: 1, max: 20 }),
      device: fc.constantFrom('a', 'b'),
      devicesPerNode: fc.integer({ min: 1, max: 9 }),
      hostsPerNode: fc.integer({ min: 1, max: 3 }),
      sharesNodes: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  )
  fc.assert(
    fc.property(pools, (list) => {
      const placement = placeReplicas(list)
      const seen = new Set<string>()
      for (let endpoint = 0; endpoint < placement.rankCount; endpoint++) {
        const node = placement.nodeOf(endpoint)
        const local = placement.localOf(endpoint)
        expect(local).toBeLessThan(placement.nodes[node]!.devices)
        seen.add(`${node}:${local}`)
      }
      expect(seen.size).toBe(placement.rankCount)
      let replica = 0
      for (const { count, ranks, devicesPerNode } of list) {
        for (let i = 0; i < count; i++, replica++) {
          const nodes = new Set(Array.from({ length: ranks }, (_, rank) => placement.nodeOf(placement.rank(replica, rank))))
          expect(nodes.size).toBeLessThanOrEqual(Math.ceil(ranks / devicesPerNode))
          expect(placement.nodeOf(placement.host(replica, 0))).toBe(placement.nodeOf(placement.rank(replica, 0)))
        }
      }
    }),
  )
})
