import { describe, expect, test } from 'vitest'
import { evenDimensions, makeTopology, type TopologyName } from './topology.js'

/** Pairs of places that each link joins, found by walking. */
function way(topology: ReturnType<typeof makeTopology>, from: number, to: number): number[] {
  const links = new Int32Array(topology.longestRoute)
  return [...links.subarray(0, topology.route(from, to, links, 0, 100))].map((link) => link - 100)
}

describe('ways by hand', () => {
  test('a switch: up from the one, down to the other', () => {
    expect(way(makeTopology('switch', 4, []), 1, 3)).toEqual([1, 7])
  })

  test('a full mesh: one link', () => {
    expect(way(makeTopology('full-mesh', 4, []), 1, 3)).toEqual([7])
    expect(way(makeTopology('full-mesh', 4, []), 3, 1)).toEqual([13])
  })

  test('a ring: the shorter way round; half-way, even places go up and odd ones down', () => {
    const ring = makeTopology('ring', 6, [])
    expect(way(ring, 0, 2)).toEqual([0, 2])
    expect(way(ring, 0, 5)).toEqual([1])
    expect(way(ring, 4, 1)).toEqual([8, 10, 0])
    expect(way(ring, 1, 4)).toEqual([3, 1, 11])
  })

  test('two in a ring have one link in each direction', () => {
    const pair = makeTopology('ring', 2, [])
    expect([way(pair, 0, 1), way(pair, 1, 0)]).toEqual([[0], [2]])
  })

  test('a torus: along the first dimension, then the second', () => {
    // Places 4 × 3; from (1, 0) = 1 to (3, 2) = 11: two up along the first (odd: down), one down along the second.
    const torus = makeTopology('torus', 12, [4, 3])
    expect(way(torus, 1, 11)).toEqual([2 * (1 * 2 + 0) + 1, 2 * (0 * 2 + 0) + 1, 2 * (3 * 2 + 1) + 1])
    expect(torus.hops(1, 11)).toBe(3)
    // Three dimensions: 2 × 2 × 2, to the opposite corner.
    expect(way(makeTopology('torus', 8, [2, 2, 2]), 0, 7)).toEqual([0, 2 * (1 * 3 + 1), 2 * (3 * 3 + 2)])
  })
})

const all: [TopologyName, number, number[]][] = [
  ['switch', 5, []],
  ['full-mesh', 5, []],
  ['ring', 1, []],
  ['ring', 2, []],
  ['ring', 7, []],
  ['ring', 8, []],
  ['torus', 12, [4, 3]],
  ['torus', 16, [4, 4]],
  ['torus', 24, [2, 3, 4]],
  ['torus', 27, [3, 3, 3]],
]

describe.each(all)('%s of %i %j', (name, size, dimensions) => {
  const topology = makeTopology(name, size, dimensions)

  test('every way is as short as can be, within bounds, and uses no link twice', () => {
    const distance = distancesOf(topology, name)
    for (let from = 0; from < size; from++) {
      for (let to = 0; to < size; to++) {
        const links = way(topology, from, to)
        expect(links.length).toBeLessThanOrEqual(topology.longestRoute)
        expect(new Set(links).size).toBe(links.length)
        expect(topology.hops(from, to)).toBe(distance(from, to))
        for (const link of links) expect(link >= 0 && link < topology.linkCount).toBe(true)
      }
    }
  })

  test('from everyone to everyone loads the two directions of a ring alike', () => {
    if (name !== 'ring' || size % 4 !== 0) return
    const load = new Int32Array(topology.linkCount)
    for (let from = 0; from < size; from++) for (let to = 0; to < size; to++) for (const link of way(topology, from, to)) load[link]!++
    expect([...load].every((each) => each === (size * size) / 8)).toBe(true)
  })
})

/** Distances by breadth-first search over neighbours, which are known from the shape alone. */
function distancesOf({ size, dimensions }: { size: number; dimensions: readonly number[] }, name: TopologyName) {
  if (name === 'switch' || name === 'full-mesh') return (from: number, to: number) => (from === to ? 0 : 1)
  const neighbours = (place: number): number[] => {
    let span = 1
    return dimensions.flatMap((d) => {
      const here = Math.floor(place / span) % d
      const at = (coordinate: number) => place + (((coordinate + d) % d) - here) * span
      const both = [at(here + 1), at(here - 1)]
      span *= d
      return both
    })
  }
  return (from: number, to: number): number => {
    const seen = new Map([[from, 0]])
    const queue = [from]
    for (const place of queue) {
      for (const next of neighbours(place)) {
        if (seen.has(next)) continue
        seen.set(next, seen.get(place)! + 1)
        queue.push(next)
      }
    }
    expect(seen.size).toBe(size)
    return seen.get(to)!
  }
}

test('even dimensions multiply to the number and are close to each other', () => {
  expect([16, 12, 7, 1, 256].map((n) => evenDimensions(n, 2))).toEqual([
    [4, 4],
    [4, 3],
    [7, 1],
    [1, 1],
    [16, 16],
  ])
  expect(evenDimensions(64, 3)).toEqual([4, 4, 4])
})
