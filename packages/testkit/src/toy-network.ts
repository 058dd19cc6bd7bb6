import { definePlugin, type Network, network } from '@servesim/core'
import { z } from 'zod'

/** A network whose prices are affine in bytes. */
export const toyNetworks = definePlugin('toy-network', (host) => {
  host.provide(network, {
    name: 'toy-network',
    description: 'A fixed latency and a price per byte.',
    options: z.strictObject({
      latencyNs: z.number().min(0).max(1e9).default(100).describe('Every collective or transfer'),
      byteNs: z.number().min(0).max(1e6).default(0.01).describe('Every byte'),
    }),
    build: ({ latencyNs, byteNs }): Network => ({
      reads: 'shape',
      provenance: 'analytic',
      assumptions: [],
      collectiveNs: (_collective, ranks, bytes) => latencyNs + (byteNs * bytes * (ranks - 1)) / ranks,
      collectiveLinkNs: (_collective, ranks, bytes) => (byteNs * bytes * (ranks - 1)) / ranks,
      transferNs: (bytes) => latencyNs + byteNs * bytes,
    }),
  })
})
