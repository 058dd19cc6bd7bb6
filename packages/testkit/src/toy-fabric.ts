import { definePlugin, EventQueue, type Fabric, fabric, type Network, Phase } from '@servesim/core'
import { z } from 'zod'

/** Links of which every flow has one to itself. */
export const toyFabrics = definePlugin('toy-fabric', (host) => {
  host.provide(fabric, {
    name: 'toy-fabric',
    description: 'A fixed latency and a price per byte; flows do not slow each other down.',
    options: z.strictObject({
      latencyNs: z.number().int().min(0).max(1e9).default(100).describe('Every flow or collective'),
      byteNs: z.number().min(0).max(1e6).default(2).describe('Every byte'),
    }),
    build: ({ latencyNs, byteNs }) => ({
      network: (): Network => ({
        reads: 'shape',
        provenance: 'analytic',
        assumptions: [],
        collectiveNs: (_collective, ranks, bytes) => latencyNs + (byteNs * bytes * (ranks - 1)) / ranks,
        transferNs: (bytes) => latencyNs + byteNs * bytes,
      }),
      build: ({ setAlarm, onAlarm, ended }): Fabric => {
        const ends = new EventQueue()
        let carried = 0
        const durationNs = (bytes: number) => latencyNs + Math.round(bytes * byteNs)
        onAlarm((nowNs) => {
          while (ends.nextNs <= nowNs) ended(ends.pop(), nowNs)
          setAlarm(ends.nextNs)
        })
        return {
          assumptions: [],
          start(flow, _source, _target, bytes, fromNs, toNs, _chunks, nowNs) {
            carried += bytes
            ends.set(flow, Math.max(toNs, Math.max(nowNs, fromNs) + durationNs(bytes)), Phase.complete)
            setAlarm(ends.nextNs)
          },
          cancel(flow) {
            ends.remove(flow)
            setAlarm(ends.nextNs)
          },
          estimateNs: (_source, _target, bytes) => durationNs(bytes),
          rate: () => 1 / byteNs,
          usage: () => [{ name: 'toy', links: 1, bytes: carried, busiestShare: 0 }],
        }
      },
    }),
  })
})
