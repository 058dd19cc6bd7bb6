import type { DeviceProvider } from '@servesim/core'
import { type MatrixTile, rooflineDevice, unmeasured, unmeasuredSentence } from '@servesim/roofline'
import { z } from 'zod'

/** A socket with twelve channels; what is in it differs more than chips do, so that the scenario states it. */
export interface Socket {
  name: string
  aliases: readonly string[]
  /** Million transfers per second of a channel of 8 bytes. */
  megatransfersPerSecond: number
}

export const sockets: readonly Socket[] = [
  { name: 'cpu-ddr5-4800', aliases: ['cpu'], megatransfersPerSecond: 4800 },
  { name: 'cpu-ddr5-6400', aliases: [], megatransfersPerSecond: 6400 },
]

/** Sixteen lanes of fp32 accumulate one dot product each; nothing is padded beyond them. */
const vector: MatrixTile = { rows: 1, n: 16, k: 2 }
const channelBytes = 8

export function cpuProvider({ name, aliases, megatransfersPerSecond }: Socket): DeviceProvider {
  const options = z.strictObject({
    cores: z.number().int().min(1).max(4096).default(96).describe('Cores that compute'),
    clockGHz: z.number().min(0.1).max(10).default(2.4).describe('Clock under vector load'),
    flopPerCycle: z
      .number()
      .min(2)
      .max(65_536)
      .default(128)
      .describe('16-bit operations of a core per cycle: 128 with AVX-512 BF16 on two ports, 2048 with AMX'),
    memoryChannels: z.number().int().min(1).max(64).default(12).describe('Memory channels of 64 bits'),
    memoryGiB: z.number().min(1).max(65_536).default(768).describe('Memory'),
    threadWakeUs: z.number().min(0).max(1000).default(5).describe('Handing an operator to all cores and waiting for the last, µs'),
  })
  return {
    name,
    aliases,
    description: `A server CPU: DDR5-${megatransfersPerSecond}, cores and channels as stated.`,
    options,
    build(raw, { path }) {
      const { cores, clockGHz, flopPerCycle, memoryChannels, memoryGiB, threadWakeUs } = options.parse(raw)
      const spec = {
        name,
        vendor: 'any',
        memoryBytes: memoryGiB * 2 ** 30,
        memoryBytesPerSecond: memoryChannels * megatransfersPerSecond * 1e6 * channelBytes,
        bf16FlopPerSecond: cores * clockGHz * 1e9 * flopPerCycle,
        source: `arithmetic: ${cores} cores × ${clockGHz} GHz × ${flopPerCycle}; ${memoryChannels} × DDR5-${megatransfersPerSecond} × 8 bytes`,
      }
      return rooflineDevice(
        {
          spec,
          tile: vector,
          efficiency: { ...unmeasured, launchUs: threadWakeUs, attentionLaunchUs: threadWakeUs },
          assumptions: [
            `A CPU of ${cores} cores at ${clockGHz} GHz, ${flopPerCycle} operations per cycle, and ${memoryChannels} channels: as the scenario states.`,
            unmeasuredSentence,
          ],
        },
        path,
      )
    },
  }
}
