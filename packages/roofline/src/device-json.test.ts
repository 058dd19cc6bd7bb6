import { definePlugin, device } from '@servesim/core'
import { describeDevice } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { acceleratorFromJson } from './device-json.js'
import { acceleratorProvider } from './provider.js'

const five = { vendor: 'Acme', memory: '48GB', memoryBandwidth: '1.2TB/s', bf16: '400TFLOPS', interconnect: '100 GB/s' }

describe('acceleratorFromJson', () => {
  it('reads five lines of figures, by the names people use', () => {
    expect(acceleratorFromJson(five, 'acme-1', 'x').spec).toEqual({
      name: 'acme-1',
      vendor: 'Acme',
      source: 'device.json',
      memoryBytes: 48e9,
      memoryBytesPerSecond: 1.2e12,
      bf16FlopPerSecond: 4e14,
      linkBytesPerSecond: 1e11,
    })
  })

  it('takes a tile and efficiencies of its own', () => {
    const own = acceleratorFromJson({ ...five, matrixTile: { rows: 8, n: 128, k: 128 }, efficiency: { compute: 0.9 } }, 'a', 'x')
    expect(own).toMatchObject({ tile: { n: 128 }, efficiency: { compute: 0.9, bandwidth: 0.8 } })
  })

  it.each([
    [{ ...five, bf16: undefined }, 'bf16FlopPerSecond', 'x.bf16'],
    [{ memory: '48GB' }, 'memoryBytesPerSecond and bf16FlopPerSecond are missing', 'x'],
    [{ ...five, memry: 3 }, 'no figure "memry"', 'x.memry'],
    [{ ...five, memory: 'much' }, 'memoryBytes is "much"', 'x.memory'],
    [{ ...five, efficiency: { compute: 2 } }, '', 'x.efficiency.compute'],
    [[], '', 'x'],
    [null, '', 'x'],
  ])('refuses %j', (content, message, path) =>
    expect(() => acceleratorFromJson(content, 'a', 'x')).toThrow(
      expect.objectContaining({ servesim: true, path, message: expect.stringContaining(message) }),
    ),
  )
})

describeDevice(definePlugin('acme', (host) => host.provide(device, acceleratorProvider(acceleratorFromJson(five, 'acme-1', 'x')))))
