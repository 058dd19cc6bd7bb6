import { definePlugin, fabric, network } from '@servesim/core'
import { z } from 'zod'
import { AnalyticalNetwork } from './analytical-network.js'
import { fabricOptions } from './fabric-options.js'
import { sharedLinks } from './shared-links.js'

const latency = z.number().min(0).max(1e9)

/** Collectives priced by latency and bandwidth per link or by a curve measured on the machine; transfers that share the cluster's links. */
export const analyticalNetwork = definePlugin('network-analytical', (host) => {
  host.provide(network, {
    name: 'analytical',
    description: 'Collectives by latency and bandwidth, or by a curve measured on the machine.',
    options: z.strictObject({
      latencyUs: z
        .union([
          latency,
          z.strictObject({
            'all-reduce': latency.optional(),
            'all-gather': latency.optional(),
            'reduce-scatter': latency.optional(),
            'all-to-all': latency.optional(),
          }),
        ])
        .optional()
        .describe('Of the smallest message, for every collective or by its kind; absent: of the device’s link'),
      bandwidthGBps: z
        .number()
        .min(1e-3)
        .max(1e6)
        .optional()
        .describe('Bus bandwidth in one direction, 10⁹ B/s; absent: of the device’s link'),
      curve: z
        .enum(['auto', 'never'])
        .default('auto')
        .describe('Use a curve that came with the device’s bundle, where neither latency nor bandwidth is stated'),
    }),
    build: (options, context) => new AnalyticalNetwork(options, context),
  })
  host.provide(fabric, {
    name: 'shared-links',
    description: 'Links in a topology inside and between nodes, which transfers share max-min fairly.',
    options: fabricOptions,
    build: (options) => sharedLinks(options),
  })
})

export default analyticalNetwork
