import { type DeviceProvider, type DeviceSpec, definePlugin, device, type Plugin, ServesimError } from '@servesim/core'
import { z } from 'zod'
import type { Bundle } from './bundle.js'
import { bundleDevice } from './bundle-device.js'

/** A device that is data alone: every bundle which is given to it brings the chip's figures along. */
export function bundleChip(name: string): Plugin {
  return definePlugin(`bundle-chip-${name}`, (host) => host.provide(device, provider(name)))
}

function provider(name: string): DeviceProvider {
  const options = z.strictObject({
    bundle: z
      .custom<Bundle>((value) => typeof value === 'object' && value !== null && 'manifest' in value, 'expected an imported bundle')
      .describe('Measured operator latencies, and the figures of the chip'),
  })
  return {
    name,
    description: 'A chip that a bundle describes.',
    options,
    build(raw, context) {
      const { bundle } = options.parse(raw)
      const { chip, device: measuredOn } = bundle.manifest
      if (chip === undefined) {
        throw new ServesimError(
          'SERVESIM_BAD_BUNDLE',
          `${context.path}.bundle`,
          `No plugin provides "${name}", and the bundle of "${measuredOn}" does not carry its figures.`,
          'Add "chip" to its bundle.json, or install a plugin for the device.',
        )
      }
      // What the schema left out is absent, not undefined.
      return bundleDevice(bundle, { name, ...chip } as DeviceSpec, context)
    },
  }
}
