import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { device, Registry } from '@servesim/core'
import { toyModel } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { memoryFromIni, pim } from './index.js'
import { memories } from './memories.js'
import { channelFigures } from './memory.js'

/** LLMServingSim's PIM model: slope over tokens of 4,096 bytes, ns (`serving/core/pim_model.py`). */
const published: Record<string, [nsPerToken: number, gib: number, pinGBps: number, latencyNs: number]> = {
  'ddr4-3200-pim': [333.2538, 8, 25.6, 13.86],
  'hbm2-2000-pim': [242.0548, 1, 32, 14],
  'lpddr4x-4266-pim': [432.4458, 2, 8.53, 16.85],
  'lpddr5-6400-pim': [282.4338, 2, 12.8, 10.62],
}

describe('channels by their timings', () => {
  it.each(memories)('$name streams as a DRAM simulation has it, within 1 %, before refresh', (memory) => {
    const [nsPerToken, gib, pinGBps, latencyNs] = published[memory.name]!
    const figures = channelFigures(memory)
    const withoutRefresh = figures.streamBytesPerSecond / (1 - memory.tRFC / memory.tREFI)
    expect(Math.abs(((4096 / withoutRefresh) * 1e9) / nsPerToken - 1)).toBeLessThan(0.01)
    expect(figures.bytes).toBe(gib * 2 ** 30)
    expect(figures.pinBytesPerSecond / 1e9).toBeCloseTo(pinGBps, 1)
    expect(figures.readLatencyNs).toBeCloseTo(latencyNs, 1)
  })

  it('without a measured fixed time one stands in, within the range of the four that are known', () => {
    for (const { attentionNs, ...memory } of memories) {
      const ratio = channelFigures(memory).attentionNs / attentionNs!
      expect(ratio).toBeGreaterThan(0.75)
      expect(ratio).toBeLessThan(1.3)
    }
  })
})

describe('memoryFromIni', () => {
  const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))
  const folder = `${data}/llmservingsim/configs/pim`
  it.skipIf(!existsSync(folder))('reads what the built-in memories state (skipped where SERVESIM_DATA holds none)', () => {
    for (const { aliases, name, attentionNs: _, ...memory } of memories) {
      const { name: read, ...timings } = memoryFromIni(readFileSync(`${folder}/${aliases[0]}.ini`, 'utf8'), name, 'x.ini')
      expect(read).toBe(name)
      expect(timings).toEqual(memory)
    }
  })

  it('names what is missing', () =>
    expect(() => memoryFromIni('[timing]\ntCK = 0.5 # ns\ntRCD = many\n', 'x', 'x.ini')).toThrow(
      expect.objectContaining({ path: 'x.ini', message: '[timing] tRCD is no number above 0.' }),
    ))
})

describe('attention', () => {
  const provider = new Registry([pim]).named(device, 'ddr4-3200-pim', '')
  const graph = toyModel.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
  const rowOf = (channels: number, decodes: number) =>
    provider
      .build(provider.options.parse({ channels }), { path: '', model: toyModel.id, tensorParallel: 1 })
      .compile(graph, { tensorParallel: 1, maxBatchedTokens: 64, maxSequences: 64 })
      .attention.decodeRowNs(decodes, decodes)

  it('shares of a batch fill the channels before any of them takes a second one', () => {
    const shape = graph.operators.find((operator) => operator.kind === 'attention')!
    const inOneGo = 64 / shape.kvHeads
    const [one, full, more] = [1, inOneGo, inOneGo + 1].map((decodes) => rowOf(64, decodes)[1]!)
    expect(full! / one!).toBeLessThan(1.01)
    expect(more! / one!).toBeGreaterThan(1.9)
  })

  it('fewer channels than KV heads divide less', () => expect(rowOf(1, 1)[1]!).toBeGreaterThan(1.9 * rowOf(2, 1)[1]!))
})
