import { definePlugin, device } from '@servesim/core'
import { acceleratorProvider } from '@servesim/roofline'
import { chips } from './chips.js'

/** AWS Trainium and Inferentia, Intel Gaudi: measured where a bundle is given, else a roofline. */
export const npu = definePlugin('device-npu', (host) => {
  for (const { aliases, ...accelerator } of chips) host.provide(device, acceleratorProvider(accelerator, aliases))
})

export default npu
