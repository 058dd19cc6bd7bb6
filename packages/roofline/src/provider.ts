import type { DeviceProvider, DeviceSpec } from '@servesim/core'
import { type Bundle, bundleDevice } from '@servesim/profile'
import { z } from 'zod'
import type { Accelerator } from './accelerator.js'
import { rooflineDevice } from './roofline-device.js'

const options = z.strictObject({
  bundle: z
    .custom<Bundle>((value) => typeof value === 'object' && value !== null && 'manifest' in value, 'expected an imported bundle')
    .optional()
    .describe('Measured operator latencies, as `@servesim/profile` imports them; without it the device is analytic'),
})

/** A chip by its figures: measured where a bundle is given, else priced by the roofline. */
export function acceleratorProvider(accelerator: Accelerator, aliases: readonly string[] = []): DeviceProvider<typeof options> {
  const { spec } = accelerator
  return {
    name: spec.name,
    aliases,
    description: describeChip(spec),
    options,
    build: ({ bundle }, context) =>
      bundle === undefined ? rooflineDevice(accelerator, context.path) : bundleDevice(bundle, spec, context),
  }
}

/** One line for lists of devices. */
export function describeChip({ vendor, name, memoryBytes, memoryBytesPerSecond, bf16FlopPerSecond }: DeviceSpec): string {
  return `${vendor} ${name}: ${Math.round(memoryBytes / 2 ** 30)} GiB, ${memoryBytesPerSecond / 1e12} TB/s, ${bf16FlopPerSecond / 1e12} TFLOP/s in 16 bits.`
}
