import { type DeviceProvider, definePlugin, device } from '@servesim/core'
import { z } from 'zod'
import { memories } from './memories.js'
import { channelFigures, type PimMemory } from './memory.js'
import { type PimPackage, packages } from './packages.js'
import { pimDevice } from './pim-device.js'

export { memoryFromIni } from './ini.js'
export type { PimMemory } from './memory.js'

/** Memory that computes: by the timings of its DRAM, or by what its maker published. */
export const pim = definePlugin('device-pim', (host) => {
  for (const { aliases, ...memory } of memories) host.provide(device, pimProvider(memory, aliases))
  for (const chip of packages) host.provide(device, packageProvider(chip))
})

export default pim

/** A device of channels of one memory. */
export function pimProvider(memory: PimMemory, aliases: readonly string[] = []): DeviceProvider {
  const channel = channelFigures(memory)
  const options = z.strictObject({
    channels: z.number().int().min(1).max(65_536).default(64).describe('Channels that compute beside each other'),
  })
  return {
    name: memory.name,
    aliases,
    description: `${memory.protocol} that computes: channels of ${gib(channel.bytes)} GiB, ${gbps(channel.pinBytesPerSecond)} GB/s at the pins, ${gbps(channel.streamBytesPerSecond)} GB/s inside.`,
    options,
    build(raw, { path }) {
      const { channels } = options.parse(raw)
      const inside = channels * channel.streamBytesPerSecond
      return pimDevice(
        {
          spec: {
            name: memory.name,
            vendor: 'any',
            memoryBytes: channels * channel.bytes,
            memoryBytesPerSecond: channels * channel.pinBytesPerSecond,
            // One multiplication and one addition for each 16-bit element that streams past.
            bf16FlopPerSecond: inside,
            source: 'timings of the speed grade, as LLMServingSim or an .ini states them',
          },
          channels,
          streamBytesPerSecond: channel.streamBytesPerSecond,
          readLatencyNs: channel.readLatencyNs,
          attentionNs: channel.attentionNs,
          assumptions: [
            `${memory.name}: ${channels} channels, each streaming ${gbps(channel.streamBytesPerSecond)} GB/s past its multipliers, row opening and refresh included.`,
            channel.attentionMeasured
              ? 'The fixed time of its attention is that of LLMServingSim, from a DRAM simulation.'
              : 'The fixed time of its attention stands in: as long as 72 tokens of KV, the mean of four simulated memories.',
          ],
        },
        path,
      )
    },
  }
}

function packageProvider(chip: PimPackage): DeviceProvider {
  const options = z.strictObject({
    packages: z.number().int().min(1).max(4096).default(chip.usual).describe(`${chip.what} that compute beside each other`),
  })
  return {
    name: chip.name,
    aliases: chip.aliases,
    description: `${chip.vendor} ${chip.name}: ${chip.what} of ${gib(chip.bytes)} GiB, ${gbps(chip.streamBytesPerSecond)} GB/s inside.`,
    options,
    build(raw, { path }) {
      const { packages: count } = options.parse(raw)
      const channels = count * chip.channels
      return pimDevice(
        {
          spec: {
            name: chip.name,
            vendor: chip.vendor,
            memoryBytes: count * chip.bytes,
            memoryBytesPerSecond: count * chip.pinBytesPerSecond,
            bf16FlopPerSecond: count * chip.flopPerSecond,
            source: chip.source,
          },
          channels,
          streamBytesPerSecond: chip.streamBytesPerSecond / chip.channels,
          readLatencyNs: chip.readLatencyNs,
          attentionNs: chip.attentionNs,
          assumptions: [
            `${chip.name}: ${count} ${chip.what} at their published rates; no operator of them was measured.`,
            'The fixed time of its attention stands in: that of a simulated HBM2 channel (LLMServingSim).',
          ],
        },
        path,
      )
    },
  }
}

function gib(bytes: number): string {
  return String(Number((bytes / 2 ** 30).toPrecision(3)))
}

function gbps(bytesPerSecond: number): string {
  return String(Number((bytesPerSecond / 1e9).toPrecision(4)))
}
