import { type DeviceProvider, definePlugin, device } from '@servesim/core'
import { type Bundle, bundleDevice } from '@servesim/profile'
import { z } from 'zod'
import { analyticDevice } from './analytic-device.js'
import { analyticGpu, kernelReleases } from './analytic-gpus.js'
import { type Calibration, calibrations } from './calibration.js'
import { type ChipName, chips } from './chips.js'

export { type Calibration, calibrations }

/** NVIDIA and AMD GPUs: measured where a bundle is given, else a roofline with fitted efficiency curves. */
export const gpu = definePlugin('device-gpu', (host) => {
  for (const chip of Object.keys(chips) as ChipName[]) host.provide(device, provider(chip))
})

function provider(chip: ChipName): DeviceProvider {
  const { spec, aliases } = chips[chip]
  const releases = kernelReleases(chip)
  const options = z.strictObject({
    bundle: z
      .custom<Bundle>((value) => typeof value === 'object' && value !== null && 'manifest' in value, 'expected an imported bundle')
      .optional()
      .describe('Measured operator latencies, as `@servesim/profile` imports them; without it the device is analytic'),
    kernels: z.enum(releases).default(releases[0]).describe('Release of vLLM whose kernels the analytic device was fitted to'),
  })
  return {
    name: chip,
    aliases,
    description: `${spec.vendor} ${chip}: ${Math.round(spec.memoryBytes / 2 ** 30)} GiB, ${spec.memoryBytesPerSecond / 1e12} TB/s, ${spec.bf16FlopPerSecond / 1e12} TFLOP/s in 16 bits.`,
    options,
    build(raw, context) {
      const { bundle, kernels } = options.parse(raw)
      return bundle === undefined ? analyticDevice(analyticGpu(chip, kernels), context.path) : bundleDevice(bundle, spec, context)
    },
  }
}
