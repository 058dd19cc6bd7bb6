import { type CompiledDevice, type Device, type DeviceSpec, device as devicePoint, parseOptions, Registry, whatIf } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toyDevices } from './toy-device.js'
import { toyModel } from './toy-model.js'

const graph = toyModel.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
const context = { tensorParallel: 1, maxBatchedTokens: 64, maxSequences: 16 }
const provider = new Registry([toyDevices]).named(devicePoint, 'toy-device', '')
const toy = provider.build(parseOptions(provider.options, {}, ''), { path: '', model: toyModel.id, tensorParallel: 1 })
/** A device with a table of its own, as a bundle's is: latencies say measured. */
const measured: Device = {
  ...toy,
  spec: { ...toy.spec, linkBytesPerSecond: 1e10 },
  collectives: [{ collective: 'all-reduce', ranks: 2, bytes: Float64Array.of(1, 1e6), ns: Float64Array.of(5000, 105_000) }],
  compile(...args) {
    const compiled = toy.compile(...args)
    return { ...compiled, latency: (operator, rows) => ({ ...compiled.latency(operator, rows), provenance: 'measured' }) }
  },
}
const operators = graph.operators.filter((operator) => operator.kind !== 'attention')
const prices = (compiled: CompiledDevice) => [
  ...operators.map((operator) => compiled.latency(operator, 32).ns),
  ...compiled.attention.decodeRowNs(4, 4),
  compiled.attention.mixedNs(16, 8, 2, 40).ns,
]

describe('what if', () => {
  it('scales what the roofline explains, and leaves launch time', () => {
    const [before, after] = [measured, whatIf(measured, { bandwidth: '1000x', bf16: '1000x' }, '')].map((d) =>
      prices(d.compile(graph, context)),
    )
    for (const [i, ns] of after!.entries()) expect(ns).toBeLessThanOrEqual(before![i]!)
    expect(after).not.toEqual(before)
    // A latency of which the peaks explain nothing: an empty context.
    expect(after![operators.length]).toBe(before![operators.length])
  })

  it('marks scaled latencies as extrapolated and says what was changed', () => {
    const compiled = whatIf(measured, { bandwidth: '2x' }, '').compile(graph, context)
    expect(compiled.latency(operators[0]!, 4).provenance).toBe('extrapolated')
    expect(compiled.assumptions[0]).toContain('memoryBytesPerSecond 1 TB/s → 2 TB/s')
    const capacity = whatIf(measured, { memory: '2x' }, '').compile(graph, context)
    expect(capacity.latency(operators[0]!, 4).provenance).toBe('measured')
  })

  it('scales measured collectives by the link, but not the latency of the smallest message', () => {
    const [curve] = whatIf(measured, { interconnect: '2x' }, '').collectives
    expect(curve!.ns).toEqual(Float64Array.of(5000, 55_000))
  })

  it('lets a device price itself anew, and refuses to scale measurements by what they say nothing about', () => {
    const withSpec = (spec: DeviceSpec): Device => ({ ...measured, spec })
    expect(whatIf({ ...measured, withSpec }, { sms: 7 }, '').spec.streamingMultiprocessors).toBe(7)
    expect(() => whatIf(measured, { sms: 7 }, 'figures')).toThrow(
      expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH', path: 'figures.streamingMultiprocessors' }),
    )
  })

  it('law: the same figures change nothing; better ones never slow an operator down', () => {
    expect(whatIf(measured, { bandwidth: '1x' }, '')).toBe(measured)
    const base = prices(measured.compile(graph, context))
    fc.assert(
      fc.property(fc.double({ min: 1, max: 100, noNaN: true }), fc.double({ min: 1, max: 100, noNaN: true }), (bandwidth, bf16) => {
        const changed = whatIf(measured, { bandwidth: `${bandwidth}x`, bf16: `${bf16}x` }, '')
        for (const [i, ns] of prices(changed.compile(graph, context)).entries()) {
          expect(ns).toBeLessThanOrEqual(base[i]! * (1 + 1e-12))
          expect(ns).toBeGreaterThanOrEqual((base[i]! / Math.max(bandwidth, bf16)) * (1 - 1e-12))
        }
      }),
    )
  })
})
