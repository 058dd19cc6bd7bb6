/** How equal things are joined, devices within a node or nodes with each other. */
export const topologyNames = ['switch', 'full-mesh', 'ring', 'torus'] as const
export type TopologyName = (typeof topologyNames)[number]

/** Links between `size` places, numbered from 0, each in one direction; every one of the same bandwidth. */
export interface Topology {
  readonly name: TopologyName
  readonly size: number
  readonly linkCount: number
  /** Links that a route has at most, and messages from neighbour to neighbour that it is made of at most. */
  readonly longestRoute: number
  /** Places along each dimension, where there are any. */
  readonly dimensions: readonly number[]
  /** Writes a shortest way's links, `first` added to each, from index `at` on. @returns the index behind them */
  route(from: number, to: number, links: Int32Array, at: number, first: number): number
  /** Messages from neighbour to neighbour on that way. */
  hops(from: number, to: number): number
}

/** @param dimensions of a torus; their product is `size` */
export function makeTopology(name: TopologyName, size: number, dimensions: readonly number[]): Topology {
  switch (name) {
    case 'switch':
      return new Switch(size)
    case 'full-mesh':
      return new FullMesh(size)
    case 'ring':
      return new Torus(name, [size])
    case 'torus':
      return new Torus(name, dimensions)
  }
}

/** One link up and one down for each; the switch itself never blocks. */
class Switch implements Topology {
  readonly name = 'switch'
  readonly longestRoute = 2
  readonly dimensions = []
  constructor(readonly size: number) {}

  get linkCount(): number {
    return 2 * this.size
  }

  route(from: number, to: number, links: Int32Array, at: number, first: number): number {
    if (from === to) return at
    links[at] = first + from
    links[at + 1] = first + this.size + to
    return at + 2
  }

  hops(from: number, to: number): number {
    return from === to ? 0 : 1
  }
}

/** A link from each to each. */
class FullMesh implements Topology {
  readonly name = 'full-mesh'
  readonly longestRoute = 1
  readonly dimensions = []
  constructor(readonly size: number) {}

  get linkCount(): number {
    return this.size * this.size
  }

  route(from: number, to: number, links: Int32Array, at: number, first: number): number {
    if (from === to) return at
    links[at] = first + from * this.size + to
    return at + 1
  }

  hops(from: number, to: number): number {
    return from === to ? 0 : 1
  }
}

/**
 * Rings along each dimension; place p stands at (p mod d₀, ⌊p ÷ d₀⌋ mod d₁, …). Ways go along the first dimension first and the shorter
 * way round; half-way round, even places go up and odd ones down, so that both directions carry alike.
 */
class Torus implements Topology {
  readonly size: number
  readonly longestRoute: number

  constructor(
    readonly name: 'ring' | 'torus',
    readonly dimensions: readonly number[],
  ) {
    this.size = dimensions.reduce((a, b) => a * b, 1)
    this.longestRoute = dimensions.reduce((sum, d) => sum + Math.floor(d / 2), 0)
  }

  /** Per place and dimension one up and one down. */
  get linkCount(): number {
    return 2 * this.size * this.dimensions.length
  }

  route(from: number, to: number, links: Int32Array, at: number, first: number): number {
    let place = from
    let span = 1
    for (const [dimension, d] of this.dimensions.entries()) {
      const goal = Math.floor(to / span) % d
      let steps = stepsAlong(d, Math.floor(place / span) % d, goal)
      for (; steps !== 0; steps -= Math.sign(steps)) {
        links[at++] = first + 2 * (place * this.dimensions.length + dimension) + (steps > 0 ? 0 : 1)
        const here = Math.floor(place / span) % d
        place += (((here + Math.sign(steps) + d) % d) - here) * span
      }
      span *= d
    }
    return at
  }

  hops(from: number, to: number): number {
    let hops = 0
    let span = 1
    for (const d of this.dimensions) {
      hops += Math.abs(stepsAlong(d, Math.floor(from / span) % d, Math.floor(to / span) % d))
      span *= d
    }
    return hops
  }
}

/** Steps up (> 0) or down a ring of d. Two places are joined by one link in each direction, not by two. */
function stepsAlong(d: number, from: number, to: number): number {
  const up = (to - from + d) % d
  if (2 * up < d || (2 * up === d && (d === 2 || from % 2 === 0))) return up
  return up - d
}

/** Nearly equal dimensions whose product is `size`. */
export function evenDimensions(size: number, count: number): number[] {
  if (count === 1) return [size]
  let first = Math.max(1, Math.floor(size ** (1 / count) + 1e-9))
  while (size % first !== 0) first--
  return [...evenDimensions(size / first, count - 1), first]
}
