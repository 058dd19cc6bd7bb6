import { describe, expect, test } from 'vitest'
import { placeReplicas } from './placement.js'
import type { Fabric } from './points/fabric.js'
import { Transfers } from './transfers.js'

/** Transfers over a fabric that does nothing but write down what it is told. */
function recorded(need: string | undefined = undefined) {
  const clock = { nowNs: 0 }
  const told: string[] = []
  const transfers = new Transfers(clock)
  if (need !== undefined) transfers.need(need)
  const fabric: Fabric = {
    assumptions: ['links'],
    start: (flow, source, target, bytes, fromNs, toNs, chunks) =>
      void told.push(`${flow}: ${bytes} from ${source} to ${target} in ${fromNs}–${toNs} by ${chunks}`),
    cancel: (flow) => void told.push(`cancel ${flow}`),
    estimateNs: (_source, _target, bytes) => bytes,
    rate: (flow) => 10 + flow,
    usage: () => [],
  }
  const device = { device: 'a', devicesPerNode: 8, hostsPerNode: 1, sharesNodes: true }
  const open = (by: string) => {
    told.push(`opened by ${by}`)
    return fabric
  }
  transfers.bind(placeReplicas([{ ...device, count: 2, ranks: 2 }]), open, false)
  const ends: string[] = []
  const channel = transfers.channel({
    arrived: (token, nowNs) => void ends.push(`${token} arrived at ${nowNs}`),
    dropped: (token, nowNs) => void ends.push(`${token} dropped at ${nowNs}`),
  })
  return { clock, told, transfers, channel, ends }
}

describe('the fabric is opened', () => {
  test('when all pools stand, where a technique needs it', () => {
    expect(recorded('pools[0].techniques[0]').told).toEqual(['opened by pools[0].techniques[0]'])
  })

  test('at the first transfer else', () => {
    const { told, channel } = recorded()
    expect(told).toEqual([])
    channel.send(0, 1, 5, 0)
    expect(told).toEqual(['opened by fabric', '0: 5 from 0 to 1 in 0–0 by Infinity'])
  })
})

test('a transfer reports once, and its slot is used again', () => {
  const { clock, told, transfers, channel, ends } = recorded()
  const ticket = channel.send(0, 2, 100, 7, 10, 30, 4)
  expect(told.at(-1)).toBe('0: 100 from 0 to 2 in 10–30 by 4')
  expect(transfers).toMatchObject({ active: 1, count: 1, bytes: 100 })
  expect(transfers.rate(ticket)).toBe(10)
  clock.nowNs = 40
  transfers.ended(0, 40)
  expect(ends).toEqual(['7 arrived at 40'])
  expect(transfers.rate(ticket)).toBe(0)
  const next = channel.send(0, 2, 1, 8)
  expect(told.at(-1)).toBe('0: 1 from 0 to 2 in 40–40 by Infinity')
  // The old ticket is not the new transfer's.
  expect(transfers.cancel(ticket)).toBe(false)
  expect(transfers.cancel(next)).toBe(true)
  expect(transfers.cancel(next)).toBe(false)
  expect(told.at(-1)).toBe('cancel 0')
  expect(transfers).toMatchObject({ active: 0, peakActive: 1, count: 2, bytes: 101 })
  expect(ends).toHaveLength(1)
})

test('a replica that dies takes along what its ranks send and receive, host memory included', () => {
  const { clock, told, transfers, channel, ends } = recorded()
  const host = transfers.placement.host(1, 0)
  channel.send(0, 2, 1, 0)
  channel.send(0, 1, 1, 1)
  channel.send(host, 3, 1, 2)
  channel.send(0, host, 1, 3)
  clock.nowNs = 5
  told.length = 0
  transfers.dropReplica(1)
  expect(told).toEqual(['cancel 0', 'cancel 2'])
  expect(ends).toEqual(['0 dropped at 5', '2 dropped at 5'])
  expect(transfers.active).toBe(2)
})

test.each([
  ['no endpoint', [0, 9, 1, 0]],
  ['a fraction of an endpoint', [0.5, 1, 1, 0]],
  ['bytes that are no number', [0, 1, Number.NaN, 0]],
  ['fewer than no bytes', [0, 1, -1, 0]],
  ['a window that ends before it begins', [0, 1, 1, 0, 5, 4]],
  ['an endless window', [0, 1, 1, 0, 5, Number.POSITIVE_INFINITY]],
  ['pieces of a piece', [0, 1, 1, 0, 5, 6, 0.5]],
] as const)('%s is refused', (_, [source, target, bytes, token, ...window]) => {
  expect(() => recorded().channel.send(source, target, bytes, token, ...window)).toThrow(
    expect.objectContaining({ code: 'SERVESIM_BROKEN_INVARIANT' }),
  )
})
