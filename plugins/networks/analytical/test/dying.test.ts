import { createSimulation, definePlugin, Phase, router, technique } from '@servesim/core'
import { smallScenario } from '@servesim/testkit'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { analyticalNetwork } from '../src/index.js'

test('a replica that dies leaves its links to the others at once, and what it sent is told as dropped', () => {
  const seen: string[] = []
  const parts = definePlugin('parts', (host) => {
    host.provide(router, {
      name: 'first',
      description: 'Test.',
      options: z.strictObject({}),
      build: () => ({ reads: 'shape', route: () => 0 }),
    })
    host.provide(technique, {
      name: 'sender',
      description: 'Test.',
      options: z.strictObject({}),
      build(_options, { engine, path }) {
        const { transfers } = engine
        transfers.need(path)
        const channel = transfers.channel({
          arrived: (token, nowNs) => void seen.push(`${token} arrived at ${nowNs}`),
          dropped: (token, nowNs) => void seen.push(`${token} dropped at ${nowNs}`),
        })
        const start = engine.timer(() => {
          const { placement } = transfers
          for (const replica of [0, 1]) channel.send(placement.rank(replica, 0), placement.host(0, 0), 100_000, replica)
        })
        start.at(1_000_000, Phase.control, 0)
        engine.timer(() => engine.replicaDied(1)).at(1_010_000, Phase.control, 0)
      },
    })
  })
  // Both share a memory of 4 GB/s for 10 µs; the survivor has 80,000 bytes left.
  const fabric = { use: 'shared-links', host: { bandwidthGBps: 5, memoryGBps: 4 }, transferLatencyUs: 0 }
  const requests = [{ arrivalNs: 0, promptTokens: 4, outputTokens: 4 }]
  const pool = { count: 2, techniques: [{ use: 'sender' }] }
  const simulation = createSimulation(
    smallScenario({ requests, pool, fabric, router: { use: 'first' }, plugins: [analyticalNetwork, parts] }),
  )
  const { transfers, assumptions } = simulation.run()
  expect(seen).toEqual(['1 dropped at 1010000', '0 arrived at 1030000'])
  expect(transfers).toMatchObject({ count: 2, bytes: 200_000, peakActive: 2 })
  expect(transfers.links.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['device to host', 120_000],
    ['host memory', 120_000],
  ])
  expect(assumptions.join()).toContain('Links of toy-device')
})
