import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AttentionSamples } from './bundle.js'
import { SeparateAttention } from './separate-attention.js'

/** A kernel of 5 µs, 1 ns per unit of prefill work q²/2 and 2 ns per token of context. */
const [launchNs, workNs, contextNs] = [5000, 1, 2]
const prompts = [1, 2, 8].flatMap((count) =>
  [16, 128, 1024, 4096].map((tokens) => ({ count, tokens, ns: launchNs + (workNs * count * tokens ** 2) / 2 })),
)
const decodes = [1, 4, 16].flatMap((count) =>
  [1, 128, 4096].map((tokens) => ({ count, tokens, ns: launchNs + contextNs * count * tokens })),
)

const samples: AttentionSamples = {
  newTokens: Float64Array.from([...prompts.map((p) => p.count * p.tokens), ...decodes.map(() => 0)]),
  prompts: Float64Array.from([...prompts.map((p) => p.count), ...decodes.map(() => 0)]),
  context: new Float64Array(prompts.length + decodes.length),
  decodes: Float64Array.from([...prompts.map(() => 0), ...decodes.map((d) => d.count)]),
  decodeContext: Float64Array.from([...prompts.map(() => 0), ...decodes.map((d) => d.tokens)]),
  latencyUs: Float64Array.from([...prompts, ...decodes].map((p) => p.ns / 1000)),
}
const two = new SeparateAttention(samples, 'attention.csv', false)
const one = new SeparateAttention(samples, 'attention.csv', true)

describe('attention with prefill and decodes apart', () => {
  it('gives what was measured: a prompt, equal prompts, decodes', () => {
    expect(two.mixedNs(1024, 0, 0, 0).ns).toBeCloseTo(launchNs + 1024 ** 2 / 2, 3)
    // Eight prompts of 1024 in one step do the work of one chunk of 8192 that begins before its text.
    expect(two.mixedNs(8192, 512 - 4096, 0, 0).ns).toBeCloseTo(launchNs + 8 * (1024 ** 2 / 2), 3)
    const row = two.decodeRowNs(4)
    expect(row[two.contextTokens.indexOf(128)]).toBeCloseTo(launchNs + contextNs * 4 * 128, 6)
    expect(two.decodeRowNs(10)[two.contextTokens.indexOf(128)]).toBeCloseTo(launchNs + contextNs * 10 * 128, 6)
  })

  it('gives a chunk behind its context the share of its work', () => {
    const chunk = two.mixedNs(1024, 3072, 0, 0).ns
    expect(chunk).toBeCloseTo((launchNs + 4096 ** 2 / 2) * (1 - 0.75 ** 2), 3)
  })

  it('runs decodes beside prefill in the same kernel or in another', () => {
    const alone = two.mixedNs(1024, 0, 0, 0).ns
    expect(two.mixedNs(1024, 0, 4, 128).ns).toBeCloseTo(alone + launchNs + contextNs * 4 * 128, 3)
    expect(one.mixedNs(1024, 0, 4, 128).ns).toBeLessThan(two.mixedNs(1024, 0, 4, 128).ns)
    expect(one.mixedNs(1024, 0, 4, 128).ns).toBeGreaterThan(alone)
  })

  it('takes longer with more of anything', () => {
    const count = (max: number) => fc.integer({ min: 1, max })
    fc.assert(
      fc.property(count(20_000), fc.nat(30_000), fc.nat(64), count(20_000), (tokens, context, n, decodeContext) => {
        const ns = (q: number, k: number, d: number, c: number) => one.mixedNs(q, k, d, c).ns
        const base = ns(tokens, context, n, decodeContext) * (1 - 1e-9)
        expect(base).toBeGreaterThan(0)
        expect(ns(tokens + 16, context, n, decodeContext)).toBeGreaterThanOrEqual(base)
        expect(ns(tokens, context, n + 1, decodeContext)).toBeGreaterThanOrEqual(base)
        expect(ns(tokens, context, n, decodeContext + 16)).toBeGreaterThanOrEqual(base)
      }),
    )
  })
})
