import { type CollectiveKind, definePlugin, type Network, network, type Plugin } from '@servesim/core'
import { z } from 'zod'

const options = z.strictObject({
  latencyUs: z.number().min(0).max(1e6).default(10).describe('Each hop of a collective, and each transfer'),
  bandwidthGBps: z.number().min(0.001).max(1e6).default(50).describe('Of a link in one direction, 10⁹ B/s'),
})

/** Ring collectives over equal links, alone on them. */
export const exampleName: Plugin = definePlugin('network-example-name', (host) => {
  host.provide(network, {
    name: 'example-name',
    description: 'Ring collectives over equal links.',
    options,
    build: ({ latencyUs, bandwidthGBps }): Network => ({
      reads: 'shape',
      provenance: 'analytic',
      assumptions: [`Every link carries ${bandwidthGBps} GB/s, and collectives run as rings.`],
      collectiveNs(collective, ranks, bytes) {
        const hops = ringHops(collective, ranks)
        // All-gather counts one rank's share, the others the whole buffer.
        const piece = collective === 'all-gather' ? bytes : bytes / ranks
        return hops * (latencyUs * 1e3 + piece / bandwidthGBps)
      },
      transferNs: (bytes) => latencyUs * 1e3 + bytes / bandwidthGBps,
    }),
  })
})

export default exampleName

function ringHops(collective: CollectiveKind, ranks: number): number {
  return collective === 'all-reduce' ? 2 * (ranks - 1) : ranks - 1
}
