import { definePlugin, device } from '@servesim/core'
import { cpuProvider, sockets } from './cpu.js'

/** Server CPUs: a roofline over cores and memory channels that the scenario states. */
export const cpu = definePlugin('device-cpu', (host) => {
  for (const socket of sockets) host.provide(device, cpuProvider(socket))
})

export default cpu
