import {
  type CollectiveCurve,
  type CollectiveKind,
  type DeviceSpec,
  isServesimError,
  network,
  parseOptions,
  Registry,
} from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { analyticalNetwork } from './index.js'
import { trafficBytes } from './traffic.js'

const provider = new Registry([analyticalNetwork]).named(network, 'analytical', 'network')
const KiB = 2 ** 10
const MiB = 2 ** 20

function spec(linkKind: DeviceSpec['linkKind'], linkGBps?: number): DeviceSpec {
  const figures = { memoryBytes: 1e11, memoryBytesPerSecond: 1e12, bf16FlopPerSecond: 1e15 }
  const link = linkKind === undefined ? {} : { linkKind, ...(linkGBps === undefined ? {} : { linkBytesPerSecond: linkGBps * 1e9 }) }
  return { name: 'device', vendor: 'vendor', source: 'test', ...figures, ...link }
}

const h100 = spec('nvlink', 450)
const a100 = spec('nvlink', 300)
const rtxPro6000 = spec('pcie', 64)
const l40s = spec('pcie', 32)

function build(device: DeviceSpec, options: Record<string, unknown> = {}, collectives: CollectiveCurve[] = []) {
  return provider.build(parseOptions(provider.options, options, 'network'), {
    path: 'network',
    device,
    collectives,
    engineRelease: '0.19.0',
  })
}

/** Measured µs by buffer size, as hardware.md §12.4 prints them; gathers count the gathered size there and one rank's share here. */
function expectWithin(
  tolerance: number,
  device: DeviceSpec,
  collective: CollectiveKind,
  ranks: number,
  measuredUs: Record<number, number>,
) {
  const built = build(device)
  for (const [size, us] of Object.entries(measuredUs)) {
    const bytes = collective === 'all-reduce' || collective === 'all-to-all' ? Number(size) : Number(size) / ranks
    const ratio = built.collectiveNs(collective, ranks, bytes) / (us * 1000)
    expect(Math.abs(ratio - 1), `${collective} ${ranks} × ${size}: ${ratio}`).toBeLessThan(tolerance)
  }
}

describe('measured latencies are met within a quarter', () => {
  test('all-reduce between H100s, by vLLM inside CUDA graphs and by NCCL where it takes over', () => {
    expectWithin(0.25, h100, 'all-reduce', 2, {
      256: 4.3,
      [16 * KiB]: 4.5,
      [128 * KiB]: 4.8,
      [512 * KiB]: 6.3,
      [2 * MiB]: 12.4,
      [8 * MiB]: 45,
      [128 * MiB]: 466,
      [512 * MiB]: 1686,
    })
    expectWithin(0.25, h100, 'all-reduce', 4, {
      256: 4.6,
      [16 * KiB]: 4.8,
      [128 * KiB]: 5.8,
      [512 * KiB]: 11.4,
      [2 * MiB]: 18.6,
      [8 * MiB]: 54,
      [128 * MiB]: 613,
      [512 * MiB]: 2300,
    })
    expectWithin(0.25, h100, 'all-reduce', 8, {
      256: 4.7,
      [16 * KiB]: 5.3,
      [128 * KiB]: 7.9,
      [512 * KiB]: 12,
      [2 * MiB]: 19.4,
      [8 * MiB]: 51,
      [128 * MiB]: 579,
      [512 * MiB]: 2111,
    })
  })

  test('gathers and scatters between eight H100s', () => {
    const gather = {
      [KiB]: 10.4,
      [16 * KiB]: 11.2,
      [128 * KiB]: 13.6,
      [MiB]: 17.1,
      [2 * MiB]: 22.2,
      [16 * MiB]: 69,
      [128 * MiB]: 393,
      [512 * MiB]: 1402,
    }
    expectWithin(0.25, h100, 'all-gather', 8, gather)
    expectWithin(0.25, h100, 'reduce-scatter', 8, {
      [KiB]: 10.3,
      [16 * KiB]: 10.9,
      [128 * KiB]: 12,
      [MiB]: 14.6,
      [16 * MiB]: 70,
      [128 * MiB]: 382,
      [512 * MiB]: 1399,
    })
    expectWithin(0.45, h100, 'all-to-all', 8, {
      [KiB]: 8.1,
      [128 * KiB]: 9.7,
      [MiB]: 15.6,
      [2 * MiB]: 18.6,
      [16 * MiB]: 76,
      [128 * MiB]: 402,
      [512 * MiB]: 1490,
    })
  })

  test('all-reduce between A100s jumps where vLLM hands over to NCCL', () => {
    expectWithin(0.25, a100, 'all-reduce', 2, { 256: 4.9, [2 * MiB]: 15.2, [16 * MiB]: 128 })
    expectWithin(0.25, a100, 'all-reduce', 8, { 256: 5.7, [2 * MiB]: 28, [16 * MiB]: 217, [128 * MiB]: 1169, [512 * MiB]: 4226 })
  })

  test('all-reduce over PCIe', () => {
    expectWithin(0.25, l40s, 'all-reduce', 2, { [KiB]: 5.3, [128 * KiB]: 11, [16 * MiB]: 892, [512 * MiB]: 26_700 })
    expectWithin(0.25, rtxPro6000, 'all-reduce', 2, { [4 * KiB]: 13, [128 * KiB]: 17.4, [MiB]: 41, [16 * MiB]: 471, [512 * MiB]: 13_900 })
    expectWithin(0.25, rtxPro6000, 'all-reduce', 8, { [KiB]: 24, [16 * KiB]: 27, [MiB]: 132, [16 * MiB]: 1248, [128 * MiB]: 9757 })
  })
})

test('bus traffic is that of the ring algorithms, with bytes as the contract counts them', () => {
  expect(trafficBytes('all-reduce', 4, 1000)).toBe(1500)
  expect(trafficBytes('all-gather', 4, 1000)).toBe(3000)
  expect(trafficBytes('reduce-scatter', 4, 1000)).toBe(3000)
  expect(trafficBytes('all-to-all', 4, 1000)).toBe(750)
  // An all-reduce moves what a reduce-scatter of its parts and an all-gather of the results move together.
  expect(trafficBytes('all-reduce', 8, 800)).toBe(trafficBytes('reduce-scatter', 8, 100) + trafficBytes('all-gather', 8, 100))
})

test('stated latency and bandwidth make a plain α-β price', () => {
  const built = build(rtxPro6000, { latencyUs: { 'all-reduce': 13, 'all-gather': 10 }, bandwidthGBps: 17.18 })
  expect(built.collectiveNs('all-reduce', 2, 17_180)).toBeCloseTo(13_000 + 1000, 6)
  expect(built.collectiveNs('all-gather', 2, 17_180)).toBeCloseTo(10_000 + 1000, 6)
  expect(build(spec(undefined), { latencyUs: 1, bandwidthGBps: 100 }).collectiveNs('all-reduce', 16, 16_000)).toBeCloseTo(1000 + 300, 6)
})

test('a stated bandwidth keeps the latency of the link, a stated latency its bandwidth', () => {
  expect(build(rtxPro6000, { bandwidthGBps: 20 }).collectiveNs('all-reduce', 2, 20_000)).toBeCloseTo(12_700 + 1000, 6)
  expect(build(rtxPro6000, { latencyUs: 5 }).collectiveNs('all-reduce', 2, 36_600)).toBeCloseTo(5000 + 1000, 6)
})

test('transfers take a latency and the link’s bandwidth', () => {
  expect(build(rtxPro6000).transferNs(64_000)).toBeCloseTo(10_000 + 1000, 6)
  expect(build(rtxPro6000, { latencyUs: 2, bandwidthGBps: 10 }).transferNs(10_000)).toBeCloseTo(2000 + 1000, 6)
})

describe('a measured curve', () => {
  const curve: CollectiveCurve = {
    collective: 'all-reduce',
    ranks: 2,
    bytes: Float64Array.of(1000, 2000, 4000),
    ns: Float64Array.of(100, 150, 350),
  }

  test('is linear between its points, constant below and extrapolated above', () => {
    const built = build(rtxPro6000, {}, [curve])
    expect([1, 1000, 1500, 2000, 3000, 4000, 6000].map((bytes) => built.collectiveNs('all-reduce', 2, bytes))).toEqual([
      100, 100, 125, 150, 250, 350, 550,
    ])
    expect(built.provenance).toBe('measured')
    expect(built.assumptions.join()).toContain('all-reduce of 2')
  })

  test('speaks for its own collective and rank count only', () => {
    const built = build(rtxPro6000, {}, [curve])
    const without = build(rtxPro6000)
    expect(built.collectiveNs('all-reduce', 4, 3000)).toBe(without.collectiveNs('all-reduce', 4, 3000))
    expect(built.collectiveNs('all-gather', 2, 3000)).toBe(without.collectiveNs('all-gather', 2, 3000))
  })

  test('gives way to what the scenario states, and to curve: never', () => {
    expect(build(rtxPro6000, { curve: 'never' }, [curve]).collectiveNs('all-reduce', 2, 3000)).toBe(
      build(rtxPro6000).collectiveNs('all-reduce', 2, 3000),
    )
    const built = build(rtxPro6000, { latencyUs: 1, bandwidthGBps: 1 }, [curve])
    expect(built.collectiveNs('all-reduce', 2, 3000)).toBe(4000)
    expect(built.provenance).toBe('analytic')
  })
})

test('more bytes never cost less, nor does a slower link', () => {
  const kinds = fc.constantFrom<CollectiveKind>('all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all')
  const devices = fc.constantFrom(h100, a100, rtxPro6000, l40s)
  fc.assert(
    fc.property(
      devices,
      kinds,
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: 1, max: 1e9 }),
      (device, kind, ranks, a, b) => {
        const built = build(device)
        const [low, high] = [built.collectiveNs(kind, ranks, Math.min(a, b)), built.collectiveNs(kind, ranks, Math.max(a, b))]
        expect(low).toBeLessThanOrEqual(high)
        expect(low).toBeGreaterThan(0)
        const slower = build({ ...device, linkBytesPerSecond: device.linkBytesPerSecond! * 0.9 })
        expect(slower.collectiveNs(kind, ranks, a)).toBeGreaterThanOrEqual(built.collectiveNs(kind, ranks, a))
      },
    ),
  )
})

describe('what is unknown is an error when it is asked for, not before', () => {
  test.each([
    ['a device without a link', spec(undefined), 2],
    ['another kind of link', spec('ici', 100), 2],
    ['more than eight ranks', h100, 16],
  ])('%s', (_, device, ranks) => {
    const built = build(device)
    const refused = (act: () => unknown) => {
      try {
        act()
      } catch (error) {
        return isServesimError(error) ? `${error.code} ${error.hint}` : error
      }
      return 'no error'
    }
    expect(refused(() => built.collectiveNs('all-reduce', ranks, 1))).toBe(
      'SERVESIM_CAPABILITY_MISMATCH State latencyUs and bandwidthGBps.',
    )
  })
})

test.each([
  { latencyUs: -1 },
  { latencyUs: { 'all-reduce': Number.NaN } },
  { latencyUs: { broadcast: 1 } },
  { bandwidthGBps: 0 },
  { bandwidthGBps: 1e30 },
  { curve: 'always' },
])('%j is refused', (options) => {
  expect(() => build(h100, options)).toThrow()
})
