import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyticGpu, kernelReleases } from '../analytic-gpus.js'
import { type ChipName, chips } from '../chips.js'
import { type Gpu, gpuOf } from '../gpu.js'
import { decodeAttention } from './decode-attention.js'
import { gemm } from './gemm.js'
import { moe } from './moe.js'
import { prefillAttention } from './prefill-attention.js'

const names = Object.keys(chips) as ChipName[]
const chipArbitrary = fc.constantFrom(...names).map((name) => {
  const { coefficients, spec, attention } = analyticGpu(name, kernelReleases(name)[0])
  return { gpu: gpuOf(spec, attention), coefficients }
})
const rowsArbitrary = fc.integer({ min: 1, max: 16_384 })
const widthArbitrary = fc.integer({ min: 1, max: 512 }).map((n) => 64 * n)
const shapeArbitrary = fc
  .record({ kvHeads: fc.constantFrom(1, 2, 4, 8), group: fc.constantFrom(1, 4, 5, 8), headDim: fc.constantFrom(64, 128) })
  .map(({ kvHeads, group, headDim }) => ({ heads: kvHeads * group, kvHeads, headDim, kvBytesPerElement: 2 }))
const scratch = () => ({ us: 0, computeFraction: 0 })
const twiceTheBandwidth = (gpu: Gpu): Gpu => ({ ...gpu, memoryBytesPerUs: 2 * gpu.memoryBytesPerUs })
const rounding = 1 + 1e-9
/** More to split costs the kernel that combines the parts. */
const splitSteps = 1.12

describe('a matrix product', () => {
  it('takes no less time with more rows, more columns or more to sum over', () => {
    fc.assert(
      fc.property(
        chipArbitrary,
        rowsArbitrary,
        widthArbitrary,
        widthArbitrary,
        fc.integer({ min: 1, max: 64 }),
        ({ gpu, coefficients: { gemm: c } }, m, n, k, more) => {
          const us = gemm(gpu, c, m, n, k).us
          expect(gemm(gpu, c, m + more, n, k).us * rounding).toBeGreaterThanOrEqual(us)
          expect(gemm(gpu, c, m, n + 64 * more, k).us * rounding).toBeGreaterThanOrEqual(us)
          expect(gemm(gpu, c, m, n, k + 64 * more).us * splitSteps).toBeGreaterThanOrEqual(us)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('is never slower on half of its columns, or on half of what it sums over', () => {
    fc.assert(
      fc.property(chipArbitrary, rowsArbitrary, widthArbitrary, widthArbitrary, ({ gpu, coefficients: { gemm: c } }, m, n, k) => {
        const us = gemm(gpu, c, m, 2 * n, 2 * k).us
        expect(gemm(gpu, c, m, n, 2 * k).us).toBeLessThanOrEqual(us * rounding)
        expect(gemm(gpu, c, m, 2 * n, k).us).toBeLessThanOrEqual(us * rounding)
      }),
      { numRuns: 500 },
    )
  })

  it('never gains time by losing bandwidth, and never beats the published peak or bandwidth', () => {
    fc.assert(
      fc.property(chipArbitrary, rowsArbitrary, widthArbitrary, widthArbitrary, ({ gpu, coefficients: { gemm: c } }, m, n, k) => {
        const { us, computeFraction } = gemm(gpu, c, m, n, k)
        expect(gemm(twiceTheBandwidth(gpu), c, m, n, k).us).toBeLessThanOrEqual(us)
        expect(us).toBeGreaterThanOrEqual((2 * m * n * k) / gpu.flopPerUs)
        expect(us).toBeGreaterThanOrEqual((2 * n * k) / gpu.memoryBytesPerUs)
        expect(computeFraction).toBeGreaterThanOrEqual(0)
        expect(computeFraction).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('decode attention', () => {
  it('takes no less time with a longer context', () => {
    fc.assert(
      fc.property(
        chipArbitrary,
        shapeArbitrary,
        fc.integer({ min: 1, max: 512 }),
        rowsArbitrary,
        fc.integer({ min: 1, max: 999 }),
        ({ gpu, coefficients: { decode: c } }, shape, n, context, more) => {
          expect(decodeAttention(gpu, c, shape, n, context + more).us).toBeGreaterThanOrEqual(
            decodeAttention(gpu, c, shape, n, context).us / rounding,
          )
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('never gains time by losing bandwidth or by having twice the heads', () => {
    fc.assert(
      fc.property(
        chipArbitrary,
        shapeArbitrary,
        fc.integer({ min: 1, max: 512 }),
        rowsArbitrary,
        ({ gpu, coefficients: { decode: c } }, shape, n, context) => {
          const { us, computeFraction } = decodeAttention(gpu, c, shape, n, context)
          expect(decodeAttention(twiceTheBandwidth(gpu), c, shape, n, context).us).toBeLessThanOrEqual(us)
          const whole = { ...shape, heads: 2 * shape.heads, kvHeads: 2 * shape.kvHeads }
          expect(us).toBeLessThanOrEqual(decodeAttention(gpu, c, whole, n, context).us * splitSteps)
          expect(computeFraction).toBeGreaterThanOrEqual(0)
          expect(computeFraction).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('reads from memory what a benchmark that replays it would find in L2', () => {
    const { gpu, c } = {
      gpu: gpuOf(chips['rtx-pro-6000'].spec, chips['rtx-pro-6000'].attention),
      c: analyticGpu('rtx-pro-6000', '0.24').coefficients.decode,
    }
    const shape = { heads: 32, kvHeads: 8, headDim: 128, kvBytesPerElement: 2 }
    expect(decodeAttention(gpu, c, shape, 16, 1024).us).toBeGreaterThan(1.2 * decodeAttention(gpu, c, shape, 16, 1024, 16, 'replayed').us)
  })
})

describe('prefill attention', () => {
  it('takes no less time with more tokens, more context or more decodes beside it', () => {
    fc.assert(
      fc.property(
        chipArbitrary,
        shapeArbitrary,
        rowsArbitrary,
        rowsArbitrary,
        fc.nat(256),
        rowsArbitrary,
        ({ gpu, coefficients: c }, shape, q, context, n, decodeContext) => {
          const us = (tokens: number, before: number, decodes: number) =>
            prefillAttention(gpu, c, shape, tokens, before, decodes, decodeContext, scratch()).us
          const base = us(q, context, n)
          expect(us(q + 128, context, n) * rounding).toBeGreaterThanOrEqual(base)
          expect(us(q, context + 128, n) * rounding).toBeGreaterThanOrEqual(base)
          expect(us(q, context, n + 1) * rounding).toBeGreaterThanOrEqual(base)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('is quadratic within a prompt and not across prompts', () => {
    const gpu = gpuOf(chips['h100-sxm'].spec, chips['h100-sxm'].attention)
    const c = analyticGpu('h100-sxm', '0.19').coefficients
    const shape = { heads: 32, kvHeads: 8, headDim: 128, kvBytesPerElement: 2 }
    const one = prefillAttention(gpu, c, shape, 8192, 0, 0, 0, scratch()).us
    const eight = prefillAttention(gpu, c, shape, 8192, (1024 - 8192) / 2, 0, 0, scratch()).us
    expect(one / eight).toBeGreaterThan(3)
    expect(one / eight).toBeLessThan(8)
  })
})

describe('experts', () => {
  it('take no less time with more tokens, and no more when split over ranks', () => {
    const shapes = fc.constantFrom(
      { experts: 8, localExperts: 8, topK: 2, hiddenSize: 4096, intermediateSize: 14_336 },
      { experts: 128, localExperts: 128, topK: 8, hiddenSize: 2048, intermediateSize: 768 },
    )
    fc.assert(
      fc.property(chipArbitrary, shapes, rowsArbitrary, ({ gpu, coefficients: { moe: c } }, shape, tokens) => {
        const us = moe(gpu, c, shape, tokens).us
        expect(moe(gpu, c, shape, tokens + 1).us * rounding).toBeGreaterThanOrEqual(us)
        expect(moe(gpu, c, { ...shape, intermediateSize: shape.intermediateSize / 2 }, tokens).us).toBeLessThanOrEqual(us)
        expect(moe(gpu, c, { ...shape, localExperts: shape.localExperts / 2 }, tokens).us).toBeLessThanOrEqual(us)
      }),
      { numRuns: 500 },
    )
  })
})
