import { type DeviceSpec, parseOptions, placeReplicas } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { ClusterLinks } from './cluster-links.js'
import { CollectiveLinks } from './collective-links.js'
import { fabricOptions } from './fabric-options.js'

const figures = { vendor: 'v', source: 's', memoryBytes: 1e11, memoryBytesPerSecond: 1e12, bf16FlopPerSecond: 1e15 }
const nvlink: DeviceSpec = { name: 'nvlink', ...figures, linkKind: 'nvlink', linkBytesPerSecond: 450e9 }
const pcie: DeviceSpec = { name: 'pcie', ...figures, linkKind: 'pcie', linkBytesPerSecond: 64e9 }

interface Setting {
  device?: DeviceSpec
  count: number
  ranks: number
  collectiveRanks: number
  devicesPerNode?: number
}

/** Flows by their ends, as (source, target), and who hears of them. */
function meeting({ device = nvlink, count, ranks, collectiveRanks, devicesPerNode = 8 }: Setting) {
  const shape = { device: device.name, devicesPerNode, hostsPerNode: 1, sharesNodes: true }
  const placement = placeReplicas([{ count, ranks, ...shape }])
  const pools = [{ name: 'pool', device, collectiveRanks }]
  const links = new ClusterLinks(placement, pools, parseOptions(fabricOptions, { use: '' }, 'fabric'))
  const heard: [replica: number, flows: number][] = []
  const way = (source: number, target: number) => {
    const into = new Int32Array(links.longestRoute)
    return [...into.subarray(0, links.way(source, target, into))]
  }
  const met = new CollectiveLinks(
    links.capacities,
    (s, t, into) => links.way(s, t, into),
    placement,
    pools,
    (replica, flows) => void heard.push([replica, flows]),
  )
  const flowing = (ends: [number, number][]) => {
    heard.length = 0
    const on = ends.flatMap(([source, target]) => way(source, target))
    for (const link of links.capacities.keys()) met.changed(link)
    met.settle((link) => on.filter((other) => other === link).length, 0)
    return [...heard]
  }
  const left = (replica: number, share: number) => {
    const rates = new Map<number, number>()
    met.load(replica, share, (link, rate) => void rates.set(link, rate / links.capacities[link]!))
    return rates
  }
  return { placement, way, flowing, left }
}

describe('who hears of a flow', () => {
  test('the replicas whose ranks are at its ends', () => {
    const { flowing } = meeting({ count: 3, ranks: 2, collectiveRanks: 2 })
    expect(flowing([[0, 2]])).toEqual([
      [0, 1],
      [1, 1],
    ])
    // Told again only where the number changes; the busiest link decides.
    expect(flowing([[0, 2]])).toEqual([])
    expect(
      flowing([
        [0, 2],
        [0, 3],
        [1, 4],
      ]),
    ).toEqual([
      [0, 2],
      [2, 1],
    ])
    expect(flowing([])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ])
  })

  test('nobody where the way is another, or where there are no collectives', () => {
    const host = 4
    expect(meeting({ count: 2, ranks: 2, collectiveRanks: 2 }).flowing([[0, host]])).toEqual([])
    expect(meeting({ count: 4, ranks: 1, collectiveRanks: 1 }).flowing([[0, 1]])).toEqual([])
  })

  test('the replica on whose PCIe link a load from the host arrives', () => {
    expect(meeting({ device: pcie, count: 2, ranks: 2, collectiveRanks: 2 }).flowing([[4, 2]])).toEqual([[1, 1]])
  })

  test('all replicas that share experts, ports between their nodes included', () => {
    const inside = meeting({ count: 4, ranks: 1, collectiveRanks: 2 })
    expect(inside.flowing([[2, 0]])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ])
    expect(inside.flowing([[1, 0]]).map(([replica]) => replica)).toEqual([2, 3])
    const across = meeting({ count: 4, ranks: 1, collectiveRanks: 2, devicesPerNode: 1 })
    expect(across.flowing([[1, 0]])).toEqual([
      [0, 1],
      [1, 1],
    ])
  })

  test('stages of a pipeline exchange data within themselves only', () => {
    // Two stages of two ranks, on two nodes: what goes from stage to stage shares no link with their collectives.
    const { flowing } = meeting({ count: 1, ranks: 4, collectiveRanks: 2, devicesPerNode: 2 })
    expect(flowing([[0, 2]])).toEqual([])
    expect(flowing([[0, 1]])).toEqual([[0, 1]])
  })
})

describe('what is left for flows', () => {
  test('is what collectives do not take, on the links between their ranks', () => {
    const { left, way } = meeting({ count: 2, ranks: 2, collectiveRanks: 2 })
    const rates = left(1, 0.25)
    expect([...rates.values()]).toEqual([0.75, 0.75, 0.75, 0.75])
    expect([...rates.keys()].sort((a, b) => a - b)).toEqual([...way(2, 3), ...way(3, 2)].sort((a, b) => a - b))
    expect([...left(1, 0.25).keys()]).toEqual([])
    expect([...left(1, 0).values()]).toEqual([1, 1, 1, 1])
  })

  test('is half at least', () => {
    expect([...meeting({ count: 1, ranks: 2, collectiveRanks: 2 }).left(0, 0.9).values()]).toEqual([0.5, 0.5, 0.5, 0.5])
  })

  test('counts collectives of one group once', () => {
    const { left } = meeting({ count: 2, ranks: 1, collectiveRanks: 2 })
    left(0, 0.25)
    expect([...left(1, 0.25).values()]).toEqual([])
  })
})
