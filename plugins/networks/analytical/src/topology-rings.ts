import type { CollectiveKind } from '@servesim/core'
import type { Topology } from './topology.js'

/**
 * The extents that the first `ranks` places of a torus take up, and whether they go all the way round. Places are filled along the
 * first dimension first, so ranks that fill no whole rows leave their last row half empty.
 */
function extentsOf(dimensions: readonly number[], ranks: number): { extent: number; round: boolean }[] {
  const extents: { extent: number; round: boolean }[] = []
  let left = ranks
  for (const d of dimensions) {
    const extent = Math.min(d, left)
    if (extent > 1) extents.push({ extent, round: extent === d && d > 2 })
    left = Math.ceil(left / d)
  }
  return extents
}

/**
 * Links of the same rate that each rank keeps busy at once. A ring that goes all the way round is used in both directions; one that has to
 * turn round at its ends uses each direction of its links once. Rings of all dimensions run at the same time on parts of the data.
 */
export function lanesOf({ name, dimensions }: Topology, ranks: number): number {
  switch (name) {
    case 'switch':
      return 1
    case 'full-mesh':
      return ranks - 1
    case 'ring':
    case 'torus':
      return extentsOf(dimensions, ranks).reduce((sum, { round }) => sum + (round ? 2 : 1), 0)
  }
}

/** Messages that follow each other. */
export function stepsInside({ name, dimensions }: Topology, collective: CollectiveKind, ranks: number): number {
  if (collective === 'all-to-all') return name === 'full-mesh' ? 1 : ranks - 1
  const oneWay =
    name === 'full-mesh' ? 1 : name === 'switch' ? ranks - 1 : sum(extentsOf(dimensions, ranks).map(({ extent }) => extent - 1))
  return collective === 'all-reduce' ? 2 * oneWay : oneWay
}

/** Messages over the busiest link when each of the first `ranks` places sends one to every other, by the topology's own ways. */
export function busiestLink(topology: Topology, ranks: number): number {
  const load = new Int32Array(topology.linkCount)
  const links = new Int32Array(topology.longestRoute)
  for (let from = 0; from < ranks; from++) {
    for (let to = 0; to < ranks; to++) {
      const hops = topology.route(from, to, links, 0, 0)
      for (let hop = 0; hop < hops; hop++) load[links[hop]!]!++
    }
  }
  return load.reduce((a, b) => Math.max(a, b), 0)
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}
