import { type DeviceSpec, type Gemm, type OperatorGraph, whatIf } from '@servesim/core'
import { toyModel } from '@servesim/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unmeasured } from './accelerator.js'
import { rooflineDevice } from './roofline-device.js'

const spec: DeviceSpec = {
  name: 'chip',
  vendor: 'vendor',
  memoryBytes: 1e11,
  memoryBytesPerSecond: 1e12,
  bf16FlopPerSecond: 1e15,
  source: 'invented',
}
const ideal = {
  ...unmeasured,
  compute: 1,
  bandwidth: 1,
  launchUs: 0,
}
const graph = toyModel.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
const context = { tensorParallel: 1, maxBatchedTokens: 1024, maxSequences: 64 }
const device = (width: number, own = spec) =>
  rooflineDevice({ spec: own, tile: { rows: width, n: width, k: width }, efficiency: ideal, assumptions: [] }, 'pools[0].device')
const product = (n: number, k: number, bytes = 2): Gemm => ({
  kind: 'gemm',
  name: 'product',
  class: 'linear',
  rows: 'tokens',
  repeat: 1,
  n,
  k,
  weightBytesPerElement: bytes,
  activationBytesPerElement: bytes,
})

describe('rooflineDevice', () => {
  it('streams the weights of a few rows, and computes many, by hand', () => {
    const compiled = device(128).compile(graph, context)
    const few = compiled.latency(product(4096, 4096), 1)
    expect(few.ns).toBeCloseTo((4096 * 4096 * 2 + 8192 * 2) / 1e3, 6)
    expect(few.computeFraction).toBe(0)
    const many = compiled.latency(product(4096, 4096), 4096)
    expect(many.ns).toBeCloseTo((2 * 4096 ** 3) / 1e6, 6)
    expect(many.computeFraction).toBe(1)
  })

  it('pads every side of a product to whole tiles', () => {
    const fast = device(256, { ...spec, memoryBytesPerSecond: 1e15 }).compile(graph, context)
    const at = (rows: number, n: number, k: number) => fast.latency(product(n, k), rows).ns
    expect(at(1025, 2048, 2048)).toBe(at(1280, 2048, 2048))
    expect(at(1024, 2049, 2048)).toBe(at(1024, 2304, 2048))
    expect(at(1024, 2048, 2049)).toBe(at(1024, 2048, 2304))
    expect(at(1024, 2304, 2048) / at(1024, 2048, 2048)).toBeCloseTo(2304 / 2048, 6)
  })

  it('refuses 8-bit products where the 8-bit rate is unknown, at build and with what to do', () => {
    const eightBit: OperatorGraph = { ...graph, operators: [...graph.operators, product(64, 64, 1)] }
    expect(() => device(128).compile(eightBit, context)).toThrow(
      expect.objectContaining({
        code: 'SERVESIM_CAPABILITY_MISMATCH',
        path: 'pools[0].device',
        message: expect.stringContaining('the 8-bit rate of "chip" is unknown'),
        hint: expect.stringContaining('device.figures.fp8FlopPerSecond'),
      }),
    )
    const known = device(128, { ...spec, fp8FlopPerSecond: 2e15 }).compile(eightBit, context)
    expect(known.latency(product(4096, 4096, 1), 4096).ns).toBeCloseTo((2 * 4096 ** 3) / 2e6, 6)
  })

  it('prices itself anew with other figures', () => {
    const changed = whatIf(device(128), { bandwidth: '2x' }, '').compile(graph, context)
    expect(changed.latency(product(4096, 4096), 1)).toMatchObject({ ns: (4096 * 4096 * 2 + 8192 * 2) / 2e3, provenance: 'analytic' })
  })

  it('law: more rows, wider products and longer contexts never cost less', () => {
    const compiled = device(128).compile(graph, context)
    const size = fc.integer({ min: 1, max: 5000 })
    fc.assert(
      fc.property(size, size, size, size, (rows, n, k, more) => {
        const ns = compiled.latency(product(n, k), rows).ns
        expect(compiled.latency(product(n, k), rows + more).ns).toBeGreaterThanOrEqual(ns)
        expect(compiled.latency(product(n + more, k), rows).ns).toBeGreaterThanOrEqual(ns)
        const mixed = compiled.attention.mixedNs(rows, n, 0, 0).ns
        expect(compiled.attention.mixedNs(rows, n + more, 0, 0).ns).toBeGreaterThanOrEqual(mixed)
        expect(compiled.attention.mixedNs(rows, n, 3, more).ns).toBeGreaterThan(mixed)
      }),
    )
  })
})
