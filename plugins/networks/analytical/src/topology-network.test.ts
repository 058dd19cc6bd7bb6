import { type CollectiveCurve, type CollectiveKind, type DeviceSpec, fabric, network, parseOptions, Registry } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { analyticalNetwork } from './index.js'

const registry = new Registry([analyticalNetwork])
const figures = { memoryBytes: 1e11, memoryBytesPerSecond: 1e12, bf16FlopPerSecond: 1e15, vendor: 'v', source: 's' }
const bare: DeviceSpec = { name: 'bare', ...figures }
const h100: DeviceSpec = { name: 'h100', ...figures, linkKind: 'nvlink', linkBytesPerSecond: 450e9 }
const tpu: DeviceSpec = { name: 'tpu', ...figures, linkKind: 'ici', linkBytesPerSecond: 400e9 }

const context = (device: DeviceSpec, collectives: CollectiveCurve[] = []) => ({
  path: 'fabric',
  device,
  collectives,
  engineRelease: '0.19.0',
})

function onFabric(device: DeviceSpec, options: Record<string, unknown>, devicesPerNode = 8, collectives: CollectiveCurve[] = []) {
  const provider = registry.named(fabric, 'shared-links', 'fabric')
  const plan = provider.build(parseOptions(provider.options, options, 'fabric'), { path: 'fabric' })
  return plan.network({ ...context(device, collectives), devicesPerNode })
}

/** 10 GB/s a link, 1 µs a step, nothing else. */
const stated = (topology: string, dimensions?: number[], devicesPerNode = 8) => {
  const intraNode = { topology, bandwidthGBps: 10, latencyUs: 1, ...(dimensions && { dimensions }) }
  return onFabric(bare, { intraNode, interNode: { bandwidthGBps: 5 }, collectiveLatencyUs: 0 }, devicesPerNode)
}

describe('by hand: 10 GB/s a link, 1 µs a step', () => {
  const cases: [string, number[] | undefined, number, CollectiveKind, number, number, number][] = [
    // topology, dimensions, devices, collective, ranks, bytes, ns
    ['switch', undefined, 8, 'all-reduce', 4, 4000, 6000 + 600],
    ['switch', undefined, 8, 'all-gather', 4, 1000, 3000 + 300],
    ['switch', undefined, 8, 'all-to-all', 4, 4000, 3000 + 300],
    ['full-mesh', undefined, 8, 'all-reduce', 4, 4000, 2000 + 200],
    ['full-mesh', undefined, 8, 'reduce-scatter', 4, 1000, 1000 + 100],
    ['full-mesh', undefined, 8, 'all-to-all', 4, 4000, 1000 + 100],
    // All the way round: both directions.
    ['ring', undefined, 8, 'all-reduce', 8, 8000, 14_000 + 700],
    ['ring', undefined, 8, 'all-to-all', 8, 8000, 7000 + 800],
    // Half of it: a line, each direction once.
    ['ring', undefined, 8, 'all-reduce', 4, 4000, 6000 + 600],
    ['ring', undefined, 2, 'all-reduce', 2, 4000, 2000 + 400],
    // A ring of 4 both ways and pairs: three lanes; 2 × (3 + 1) steps.
    ['torus', [4, 2], 8, 'all-reduce', 8, 9000, 8000 + (2 * (7 / 8) * 9000) / 30],
    ['torus', [4, 4], 16, 'all-reduce', 16, 16_000, 12_000 + 750],
    ['torus', [4, 4], 16, 'all-gather', 4, 1000, 3000 + 150],
    ['torus', [4, 4], 16, 'all-reduce', 2, 1000, 2000 + 100],
    ['torus', [2, 2, 2], 8, 'all-reduce', 8, 8000, 6000 + 14_000 / 30],
    ['torus', [4, 4, 4], 64, 'reduce-scatter', 64, 1000, 9000 + 63_000 / 60],
    // Two nodes of four: reduce-scatter and all-gather inside, an exchange over ports of 5 GB/s between.
    ['switch', undefined, 4, 'all-reduce', 8, 8000, 2 * (3000 + 600) + 10_000 + 400],
    ['switch', undefined, 4, 'all-gather', 8, 1000, 3000 + 600 + 5000 + 200],
    ['switch', undefined, 4, 'reduce-scatter', 8, 1000, 3000 + 600 + 5000 + 200],
    ['switch', undefined, 4, 'all-to-all', 8, 8000, 5000 + 800],
    // One device a node.
    ['switch', undefined, 1, 'all-reduce', 4, 4000, 6 * 5000 + 1200],
  ]
  test.each(cases)('%s %j of %i devices: %s of %i ranks, %i bytes', (topology, dimensions, devices, collective, ranks, bytes, ns) => {
    expect(stated(topology, dimensions, devices).collectiveNs(collective, ranks, bytes)).toBeCloseTo(ns, 6)
  })

  test('a ring of nodes is crossed by messages between others', () => {
    const options = { intraNode: { bandwidthGBps: 10, latencyUs: 1, topology: 'switch' }, collectiveLatencyUs: 0 }
    const all = (topology: string) =>
      onFabric(bare, { ...options, interNode: { topology, bandwidthGBps: 5, latencyUs: 0 } }, 1).collectiveNs('all-to-all', 8, 8000)
    // Seven eighths leave each port; on a ring the busiest link carries 8 messages of 1000 bytes.
    expect(all('switch')).toBeCloseTo(7000 / 5, 6)
    expect(all('full-mesh')).toBeCloseTo(7000 / 5, 6)
    expect(all('ring')).toBeCloseTo(8000 / 5, 6)
  })

  test('a transfer takes its latency and a link', () => {
    expect(stated('switch').transferNs(1000)).toBe(10_000 + 100)
  })
})

describe('on links that were measured', () => {
  const pool = registry.named(network, 'analytical', 'network')
  const alone = (collectives: CollectiveCurve[] = []) => pool.build(parseOptions(pool.options, {}, 'network'), context(h100, collectives))
  const price = (built: { collectiveNs(c: CollectiveKind, ranks: number, bytes: number): number }) =>
    (['all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all'] as const).flatMap((collective) =>
      [2, 4, 8].flatMap((ranks) => [1e3, 1e6, 1e8].map((bytes) => built.collectiveNs(collective, ranks, bytes))),
    )

  test('a switch prices as the pool’s network does, curves included', () => {
    expect(price(onFabric(h100, {}))).toEqual(price(alone()))
    const curve = { collective: 'all-reduce' as const, ranks: 2, bytes: Float64Array.of(1, 1e9), ns: Float64Array.of(5, 6) }
    const measured = onFabric(h100, {}, 8, [curve])
    expect(measured.collectiveNs('all-reduce', 2, 1e9)).toBe(6)
    expect(measured.provenance).toBe('measured')
  })

  test('a stated bandwidth scales what was measured; what large copies reach by itself changes nothing', () => {
    expect(price(onFabric(h100, { intraNode: { bandwidthGBps: 370 } }))).toEqual(price(alone()).map((ns) => expect.closeTo(ns, 6)))
    const [once, half] = [370, 185].map((bandwidthGBps) =>
      onFabric(h100, { intraNode: { bandwidthGBps } }).collectiveNs('all-reduce', 8, 1e10),
    )
    expect(half! / once!).toBeCloseTo(2, 2)
  })

  test('more ranks than were measured are rings on the switch', () => {
    const rack = onFabric(h100, {}, 72)
    expect(rack.collectiveNs('all-reduce', 8, 1e6)).toBe(alone().collectiveNs('all-reduce', 8, 1e6))
    expect(rack.collectiveNs('all-reduce', 72, 1e9)).toBeCloseTo(3700 + 142 * 1200 + ((2 * 71) / 72) * (1e9 / 370), 3)
  })
})

test('a chip’s rate is that of all its links', () => {
  // 400 GB/s over the four links of a 2-D torus, all of them used by a ring in both dimensions.
  const ns = onFabric(tpu, {}, 16).collectiveNs('all-gather', 16, 1e9)
  expect(ns).toBeCloseTo(3700 + 6 * 1200 + (15 * 1e9) / 400, 3)
  expect(onFabric(tpu, { intraNode: { topology: 'ring' } }, 16).collectiveNs('all-gather', 16, 1e9)).toBeCloseTo(
    3700 + 15 * 1200 + (15 * 1e9) / 400,
    3,
  )
})

test('more bytes, less bandwidth or more nodes never make it faster', () => {
  const topologies = fc.constantFrom('switch', 'full-mesh', 'ring', 'torus')
  const collectives = fc.constantFrom<CollectiveKind>('all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all')
  fc.assert(
    fc.property(
      topologies,
      topologies,
      collectives,
      fc.integer({ min: 2, max: 48 }),
      fc.integer({ min: 1, max: 1e8 }),
      (inside, between, collective, ranks, bytes) => {
        const ns = (bandwidthGBps: number, portGBps: number, size: number) =>
          onFabric(bare, {
            intraNode: { topology: inside, bandwidthGBps },
            interNode: { topology: between, bandwidthGBps: portGBps },
          }).collectiveNs(collective, ranks, size)
        const base = ns(100, 20, bytes)
        expect(base).toBeGreaterThan(0)
        expect(ns(100, 20, 2 * bytes)).toBeGreaterThanOrEqual(base)
        expect(ns(50, 20, bytes)).toBeGreaterThanOrEqual(base)
        expect(ns(100, 10, bytes)).toBeGreaterThanOrEqual(base)
      },
    ),
  )
})

test.each([
  [2, 'State fabric.intraNode.bandwidthGBps.'],
  [16, 'State fabric.interNode.bandwidthGBps.'],
])('what nothing is known about is said: %i ranks', (ranks, hint) => {
  const options = ranks > 8 ? { intraNode: { bandwidthGBps: 10 } } : {}
  expect(() => onFabric(bare, options).collectiveNs('all-reduce', ranks, 1)).toThrow(
    expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH', path: 'fabric', hint }),
  )
})

test.each([
  { intraNode: { topology: 'star' } },
  { intraNode: { bandwidthGBps: 0 } },
  { interNode: { latencyUs: -1 } },
  { host: { memoryGBps: 0 } },
  { hosts: {} },
])('%j is refused', (options) => {
  expect(() => onFabric(bare, options)).toThrow()
})
