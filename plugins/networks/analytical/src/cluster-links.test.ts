import { type DeviceSpec, parseOptions, placeReplicas } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { ClusterLinks } from './cluster-links.js'
import { fabricOptions } from './fabric-options.js'

const figures = { memoryBytes: 1e11, memoryBytesPerSecond: 1e12, bf16FlopPerSecond: 1e15 }
const h100: DeviceSpec = { name: 'h100', vendor: 'v', source: 's', ...figures, linkKind: 'nvlink', linkBytesPerSecond: 450e9 }
const rtx: DeviceSpec = { name: 'rtx', vendor: 'v', source: 's', ...figures, linkKind: 'pcie', linkBytesPerSecond: 64e9 }
const bare: DeviceSpec = { name: 'bare', vendor: 'v', source: 's', ...figures }

function cluster(
  devices: DeviceSpec[],
  options: Record<string, unknown> = {},
  pool: { ranks?: number; devicesPerNode?: number; hostsPerNode?: number } = {},
) {
  const { ranks = 2, devicesPerNode = 4, hostsPerNode = 1 } = pool
  const pools = devices.map((device) => ({ name: device.name, device, collectiveRanks: 1 }))
  const placed = devices.map(({ name }) => ({ count: 2, ranks, device: name, devicesPerNode, hostsPerNode, sharesNodes: true }))
  const placement = placeReplicas(placed)
  const links = new ClusterLinks(placement, pools, parseOptions(fabricOptions, { use: '', ...options }, 'fabric'))
  const way = (source: number, target: number) => {
    const into = new Int32Array(links.longestRoute)
    return [...into.subarray(0, links.route(source, target, into))]
  }
  /** Rates along the way. */
  const rates = (source: number, target: number) => way(source, target).map((link) => links.capacities[link]!)
  return { placement, links, way, rates }
}

describe('H100s: NVLink inside, PCIe 5 to the host, 400 Gb/s between nodes', () => {
  // Replicas of two ranks, nodes of four devices: endpoints 0–3 in the first pool's node, 4–7 in the second's; hosts 8 and 9.
  const { way, rates, placement } = cluster([h100, { ...h100, name: 'other' }])
  const host = 64 * 0.85
  const port = 50 * 0.94

  test('between devices of a node', () => {
    expect(rates(0, 3)).toEqual([370, 370])
    expect(rates(0, 0)).toEqual([])
  })

  test('to the host’s memory and back, over the device’s own PCIe', () => {
    expect(placement.host(0, 0)).toBe(8)
    expect(rates(1, 8)).toEqual([host, 460])
    expect(rates(8, 1)).toEqual([460, host])
    expect(way(1, 8)[0]).not.toBe(way(8, 1)[1])
    expect(way(1, 8)[0]).not.toBe(way(2, 8)[0])
    // Reads and writes share the memory.
    expect(way(1, 8)[1]).toBe(way(8, 1)[0])
  })

  test('to another node, over PCIe and the ports of both devices', () => {
    expect(rates(0, 5)).toEqual([host, port, port, host])
    expect(way(0, 5)[0]).toBe(way(0, 8)[0])
    expect(new Set([...way(0, 5), ...way(1, 6)]).size).toBe(8)
  })

  test('from a host to another and to a remote device', () => {
    expect(rates(8, 9)).toEqual([460, 4 * port, 4 * port, 460])
    expect(rates(8, 4)).toEqual([460, 4 * port, port, host])
  })
})

test('GPUs without NVLink have one link for their peers and for their host', () => {
  const { way, rates } = cluster([rtx])
  expect(rates(0, 1)).toEqual([64 * 0.85, 64 * 0.85])
  expect(way(0, 1)[0]).toBe(way(0, 4)[0])
  expect(way(1, 0)[1]).toBe(way(4, 0)[1])
  // Unless the scenario states another.
  const stated = cluster([rtx], { host: { bandwidthGBps: 10 } })
  expect(stated.rates(0, 4)).toEqual([10, 460])
  expect(stated.rates(0, 1)).toEqual([64 * 0.85, 64 * 0.85])
})

test('a node may have several hosts, each with its memory', () => {
  const { way, placement } = cluster([h100], {}, { hostsPerNode: 2 })
  expect([placement.host(0, 0), placement.host(1, 0)]).toEqual([4, 5])
  expect(way(0, 4)[1]).not.toBe(way(2, 5)[1])
})

describe('topologies between nodes', () => {
  // Eight nodes of one device.
  const of = (interNode: Record<string, unknown>) =>
    cluster([h100, h100, h100, h100], { interNode: { bandwidthGBps: 20, ...interNode } }, { ranks: 1, devicesPerNode: 1 })

  test('ring, full mesh and torus have links of their own behind the ports', () => {
    expect(of({ topology: 'ring' }).rates(0, 3)).toEqual([64 * 0.85, 20, 20, 20, 20, 20, 64 * 0.85])
    expect(of({ topology: 'full-mesh' }).rates(0, 3)).toEqual([64 * 0.85, 20, 20, 20, 64 * 0.85])
    expect(of({ topology: 'torus', dimensions: [2, 2, 2] }).rates(0, 7)).toHaveLength(7)
    expect(of({ topology: 'switch' }).rates(0, 3)).toHaveLength(4)
  })

  test('hops between nodes take their latency, a transfer its own', () => {
    const { links } = of({ topology: 'ring', latencyUs: 2 })
    expect([links.latencyNs(0, 0), links.latencyNs(0, 1), links.latencyNs(0, 3)]).toEqual([0, 12_000, 16_000])
    expect(cluster([h100], { intraNode: { topology: 'ring' } }).links.latencyNs(0, 2)).toBe(11_200)
    expect(cluster([h100]).links.latencyNs(0, 4)).toBe(10_000)
  })

  test('what joins two nodes carries what all devices of one send', () => {
    const { rates } = cluster([h100, rtx], { interNode: { topology: 'ring', bandwidthGBps: 20 } })
    expect(rates(0, 4)).toEqual([64 * 0.85, 20, 80, 20, 64 * 0.85])
  })

  test('a torus must hold the nodes', () => {
    expect(() => of({ topology: 'torus', dimensions: [3, 2] })).toThrow(/3 × 2 has 6 places, and there are 8 nodes/)
  })
})

describe('a link nothing is known about is an error where it is needed', () => {
  const { way } = cluster([bare])
  test.each([
    ['inside a node', 0, 1, 'State fabric.intraNode.bandwidthGBps.'],
    ['to the host', 0, 4, 'State fabric.host.bandwidthGBps.'],
  ])('%s', (_, source, target, hint) => {
    expect(() => way(source, target)).toThrow(expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH', path: 'fabric', hint }))
  })

  test('between nodes', () => {
    const { way } = cluster([bare, { ...bare, name: 'other' }])
    expect(() => way(0, 4)).toThrow(expect.objectContaining({ hint: 'State fabric.interNode.bandwidthGBps.' }))
    const { rates } = cluster([bare, { ...bare, name: 'other' }], { interNode: { bandwidthGBps: 9 } })
    expect(rates(0, 4)).toEqual([9, 9])
  })
})

test('the summary says what the links are', () => {
  expect(cluster([h100]).links.describe().join(' ')).toContain(
    'Links of h100: switch of 370 GB/s inside a node, 54.4 GB/s to the host, 460 GB/s of host memory, switch of 47 GB/s a device between nodes.',
  )
})

test('usage is by kind of link', () => {
  const { links, way } = cluster([h100])
  const carried = new Float64Array(links.capacities.length)
  for (const link of way(0, 1)) carried[link]! += 370_000
  for (const link of way(0, 4)) carried[link]! += 46_000
  expect(links.usage(carried, 2000)).toEqual([
    { name: 'inside nodes', links: 8, bytes: 740_000, busiestShare: 0.5 },
    { name: 'device to host', links: 8, bytes: 46_000, busiestShare: expect.closeTo(46_000 / (2000 * 54.4), 12) },
    { name: 'host memory', links: 1, bytes: 46_000, busiestShare: 0.05 },
  ])
})
