import { definePlugin, device } from '@servesim/core'
import { acceleratorProvider } from '@servesim/roofline'
import { chips } from './chips.js'

/** Google TPUs: measured where a bundle is given, else a roofline with padded systolic arrays. */
export const tpu = definePlugin('device-tpu', (host) => {
  for (const { aliases, ...accelerator } of chips) host.provide(device, acceleratorProvider(accelerator, aliases))
})

export default tpu
