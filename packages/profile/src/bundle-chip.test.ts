import { device, Registry } from '@servesim/core'
import { expect, test } from 'vitest'
import { bundleChip } from './bundle-chip.js'
import { syntheticBundle } from './synthetic.fixture.js'

const figures = { vendor: 'Acme', memoryBytes: 1e9, memoryBytesPerSecond: 1e12, bf16FlopPerSecond: 1e14, source: 'data sheet' }
const provider = new Registry([bundleChip('acme-1')]).named(device, 'acme-1', 'device')
const context = { path: 'pools[0].device', model: 'org/Tiny', tensorParallel: 1 }

function build(chip: typeof figures | undefined) {
  const bundle = syntheticBundle()
  const manifest = chip === undefined ? bundle.manifest : { ...bundle.manifest, chip }
  return provider.build({ bundle: { ...bundle, manifest } }, context)
}

test('a bundle with the figures of its chip is a device', () => {
  expect(build(figures).spec).toEqual({ name: 'acme-1', ...figures })
})

test('a bundle without them says what is missing', () => {
  expect(() => build(undefined)).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', hint: expect.stringContaining('"chip"') }))
})

test('the device needs a bundle', () => {
  expect(provider.options.safeParse({}).success).toBe(false)
})
