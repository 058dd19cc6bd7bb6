import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { figureName, figureNames, readFigure, withFigures } from './figures.js'
import type { DeviceSpec } from './points/device.js'

const spec: DeviceSpec = {
  name: 'chip',
  vendor: 'vendor',
  memoryBytes: 80e9,
  memoryBytesPerSecond: 3e12,
  bf16FlopPerSecond: 1e15,
  linkBytesPerSecond: 450e9,
  source: 'invented',
}

describe('figures', () => {
  it.each([
    ['memoryBytesPerSecond', '900GB/s', 900e9],
    ['memoryBytesPerSecond', '3.35 TB/s', 3.35e12],
    ['memoryBytes', '80GiB', 80 * 2 ** 30],
    ['bf16FlopPerSecond', '989TFLOPS', 989e12],
    ['bf16FlopPerSecond', '2 PFLOP/s', 2e15],
    ['thermalDesignPowerWatts', '0.7kW', 700],
    ['streamingMultiprocessors', '132', 132],
    ['linkBytesPerSecond', 5e10, 5e10],
  ] as const)('%s reads %s', (figure, text, value) => expect(readFigure(figure, text, '')).toBeCloseTo(value, -3))

  it.each(['', 'fast', '12 apples', '-3GB/s', '0', '1e400', '5 TFLOPS GB', 'NaN'])('refuses "%s" for a bandwidth', (text) =>
    expect(() => readFigure('memoryBytesPerSecond', text, 'at')).toThrow(
      expect.objectContaining({ code: 'SERVESIM_BAD_OPTION', path: 'at' }),
    ),
  )

  it('go by the names people use, in any case, and misspelt ones find near matches', () => {
    expect(figureName('HBMBandwidth', '')).toBe('memoryBytesPerSecond')
    expect(figureName('interconnect', '')).toBe('linkBytesPerSecond')
    expect(() => figureName('hbmBandwith', '')).toThrow(expect.objectContaining({ hint: expect.stringContaining('hbmBandwidth') }))
  })

  it('multiply what is known, and say so where nothing is', () => {
    expect(withFigures(spec, { hbmBandwidth: '2x', interconnect: '900GB/s' }, '')).toEqual({
      ...spec,
      memoryBytesPerSecond: 6e12,
      linkBytesPerSecond: 900e9,
    })
    expect(() => withFigures(spec, { fp8: '2x' }, 'figures')).toThrow(/fp8FlopPerSecond of "chip" is unknown/)
    expect(withFigures(spec, { fp8: '2 PFLOPS' }, '').fp8FlopPerSecond).toBe(2e15)
  })

  it('law: reading what was written gives the number, and a factor is a product', () =>
    fc.assert(
      fc.property(fc.constantFrom(...figureNames), fc.double({ min: 1e-3, max: 1e20, noNaN: true }), (figure, value) => {
        expect(readFigure(figure, String(value), '')).toBe(value)
        expect(withFigures({ ...spec, [figure]: value }, { [figure]: '3x' }, '')[figure]).toBe(3 * value)
      }),
    ))
})
