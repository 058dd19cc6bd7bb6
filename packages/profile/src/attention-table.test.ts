import { ServesimError } from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AttentionTable } from './attention-table.js'
import { samplesOf, workLawUs } from './synthetic.fixture.js'

const chunks = [16, 64, 256]
const contexts = [0, 128, 512, 2048]
const counts = [1, 4, 16]
const decodeContexts = [16, 256, 1024]

const rectangular = samplesOf([
  ...counts.flatMap((n) => decodeContexts.map((d) => [0, 0, n, d])),
  ...chunks.flatMap((q) => contexts.flatMap((k) => [[q, k, 0, 0], ...counts.flatMap((n) => decodeContexts.map((d) => [q, k, n, d]))])),
])

describe('AttentionTable', () => {
  const table = new AttentionTable(rectangular, 't')
  const at = (q: number, k: number, n = 0, d = 0) => ({ ...table.mixedNs(q, k, n, d) })

  it('gives every measured shape back as measured', () => {
    rectangular.latencyUs.forEach((us, i) => {
      const [q, k, n, d] = [rectangular.newTokens[i]!, rectangular.context[i]!, rectangular.decodes[i]!, rectangular.decodeContext[i]!]
      if (q > 0) expect(at(q, k, n, d)).toEqual({ ns: us * 1000, provenance: 'measured' })
      else expect(table.decodeRowNs(n)[table.contextTokens.indexOf(d)]).toBe(us * 1000)
    })
  })

  it('is exact between chunk sizes for a kernel whose time follows its work', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 256 }), fc.integer({ min: 128, max: 1500 }), fc.integer({ min: 0, max: 16 }), (q, k, n) => {
        const got = at(q, k, n, 256)
        expect(got.ns / 1000).toBeCloseTo(workLawUs(q, k, n, 256), 6)
        expect(got.provenance).not.toBe('extrapolated')
      }),
    )
  })

  it('prices several prompts in one step by their work, down to a chunk without any', () => {
    // Two prompts of 128 do half the work of one of 256: the equivalent context is 128/2 - 256/2 = -64.
    // What is above it is the floor: the smallest chunk keeps its own work.
    expect(at(256, -64).ns / 1000 / workLawUs(256, -64, 0, 0)).toBeCloseTo(1, 2)
    expect(at(256, -64).provenance).toBe('interpolated')
    expect(at(256, -128).ns).toBeGreaterThanOrEqual(at(16, 0).ns)
    expect(at(256, -10_000).ns).toBe(at(256, -128).ns)
  })

  it('costs never less than the decodes beside it alone', () => {
    const alone = table.decodeRowNs(16)[table.contextTokens.indexOf(1024)]!
    expect(at(256, -128, 16, 1024).ns).toBeGreaterThanOrEqual(alone)
  })

  it('prices a chunk below the smallest like the smallest', () => {
    expect(at(1, 512, 4, 256).ns).toBe(at(16, 512, 4, 256).ns)
    expect(at(1, 512, 4, 256).provenance).toBe('interpolated')
  })

  it('continues a chunk above the largest by its work, with the decodes paid once', () => {
    const got = at(1024, 0, 4, 256)
    expect(got.provenance).toBe('extrapolated')
    const overhead = 3 * workLawUs(0, 0, 0, 0)
    expect(got.ns / 1000).toBeCloseTo(workLawUs(1024, 0, 4, 256) + overhead, 6)
    expect(at(256.0001, 0, 4, 256).ns).toBeCloseTo(at(256, 0, 4, 256).ns, -1)
  })

  it('continues context, decodes and decode context through the last two values', () => {
    expect(at(64, 4096, 4, 256).ns / 1000).toBeCloseTo(workLawUs(64, 4096, 4, 256), 6)
    expect(at(64, 128, 64, 256).ns / 1000).toBeCloseTo(workLawUs(64, 128, 64, 256), 6)
    expect(at(64, 128, 4, 4096).ns / 1000).toBeCloseTo(workLawUs(64, 128, 4, 4096), 6)
    for (const got of [at(64, 4096, 4, 256), at(64, 128, 64, 256), at(64, 128, 4, 4096)]) expect(got.provenance).toBe('extrapolated')
  })

  it('ignores the decode context where nothing decodes', () => {
    expect(at(64, 128, 0, 777)).toEqual(at(64, 128))
  })

  it('blends decode rows in the number of sequences and starts them flat', () => {
    const [two, one, four] = [table.decodeRowNs(2), table.decodeRowNs(1), table.decodeRowNs(4)]
    expect(table.contextTokens[0]).toBe(0)
    two.forEach((ns, i) => {
      expect(ns).toBeCloseTo(one[i]! + (four[i]! - one[i]!) / 3, 6)
    })
    expect(two[0]).toBe(two[1])
    expect(table.decodeRowNs(64).every((ns, i) => ns > table.decodeRowNs(16)[i]!)).toBe(true)
  })
})

describe('AttentionTable over a ragged grid', () => {
  it('completes a slice that starts at a longer decode context from the chunks around it', () => {
    const ragged = rowsWithout((q, _, n, d) => q === 64 && n > 0 && d < 256)
    const got = new AttentionTable(ragged, 't').mixedNs(64, 512, 4, 16)
    // Between chunks of 16 and 256 at one context, so above the law by what a straight line misses of q²/2.
    expect(got.ns / 1000).toBeGreaterThan(workLawUs(64, 512, 4, 16))
    expect(got.ns / 1000).toBeLessThan(workLawUs(64, 512, 4, 16) * 1.15)
    expect(got.provenance).toBe('interpolated')
  })

  it('continues the last two slices where more decodes were measured alone than beside a chunk', () => {
    const ragged = rowsWithout((q, _, n) => q > 0 && n === 16)
    const got = new AttentionTable(ragged, 't').mixedNs(64, 512, 16, 256)
    expect(got.ns / 1000).toBeCloseTo(workLawUs(64, 512, 16, 256), 6)
    expect(got.provenance).toBe('extrapolated')
  })

  it('adds chunk and decodes up where no row has both', () => {
    const apart = rowsWithout((q, _, n) => q > 0 && n > 0)
    const table = new AttentionTable(apart, 't')
    const got = table.mixedNs(64, 512, 4, 256)
    expect(got.ns / 1000).toBeCloseTo(workLawUs(64, 512, 0, 0) + workLawUs(0, 0, 4, 256), 6)
    expect(got.provenance).toBe('extrapolated')
  })

  it('agrees with the complete table on every value that is linear, whatever single row is missing', () => {
    const complete = new AttentionTable(rectangular, 't')
    fc.assert(
      fc.property(fc.constantFrom(64), fc.constantFrom(128, 512), fc.constantFrom(4), fc.constantFrom(256), (q, k, n, d) => {
        const holed = new AttentionTable(
          rowsWithout((...row) => row.join() === [q, k, n, d].join()),
          't',
        )
        expect(holed.mixedNs(q, k, n, d).provenance).toBe('interpolated')
        expect(holed.mixedNs(q, k, n, d).ns).toBeCloseTo(complete.mixedNs(q, k, n, d).ns, 3)
      }),
    )
  })

  it('refuses scattered shapes, which span a grid beyond memory', () => {
    const scattered = Array.from({ length: 300 }, (_, i) => [16 + i, 7 * i, 1 + (i % 64), 3 * i])
    expect(() => new AttentionTable(samplesOf([[0, 0, 1, 16], [16, 0, 0, 0], ...scattered]), 't')).toThrow(/cells/)
  })

  it.each([
    ['decodes', rowsWithout((q) => q === 0), /no row of decodes alone/],
    ['a chunk', rowsWithout((q, _, n) => q > 0 && n === 0), /no row of a prefill chunk alone/],
  ])('refuses a table without a row of %s alone', (_, samples, message) => {
    expect(() => new AttentionTable(samples, 'b/tp1/attention.csv')).toThrow(ServesimError)
    expect(() => new AttentionTable(samples, 'b/tp1/attention.csv')).toThrow(message)
  })
})

function rowsWithout(drop: (q: number, k: number, n: number, d: number) => boolean) {
  const rows = Array.from(rectangular.latencyUs, (_, i) => [
    rectangular.newTokens[i]!,
    rectangular.context[i]!,
    rectangular.decodes[i]!,
    rectangular.decodeContext[i]!,
  ])
  return samplesOf(rows.filter(([q, k, n, d]) => !drop(q!, k!, n!, d!)))
}
