import {
  parseOptions,
  Registry,
  type StepCost,
  type StepCostContext,
  type StepCostLink,
  type StepView,
  type TechniqueContext,
  technique,
} from '@servesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { captureLadder, paddedSizes } from './capture-sizes.js'
import { cudaGraphs } from './index.js'

const provider = new Registry([cudaGraphs]).named(technique, 'cuda-graphs', 'technique')

/** What the link makes of a step, in a pool of these limits. */
function padded(step: Partial<StepView>, limits: Partial<StepCostContext> = {}, options: Record<string, unknown> = {}) {
  const { paddedTokens, paddedSequences, graph } = pricedView(step, limits, options)
  return { paddedTokens, paddedSequences, graph }
}

/** What is priced behind the link. */
function pricedView(step: Partial<StepView>, limits: Partial<StepCostContext> = {}, options: Record<string, unknown> = {}) {
  const links: StepCostLink[] = []
  provider.build(parseOptions(provider.options, options, 'technique'), {
    path: 'techniques[0]',
    claim: (_: unknown, link: unknown) => void links.push(link as StepCostLink),
  } as TechniqueContext)
  const seen = { paddedTokens: 0, paddedSequences: 0, graph: '', expertTokens: 0, peerTokens: 0 }
  const look = ({ paddedTokens, paddedSequences, graph, expertTokens, peerTokens }: StepView) =>
    Object.assign(seen, { paddedTokens, paddedSequences, graph, expertTokens, peerTokens })
  const base: StepCost = { reads: 'shape', price: look, priceRun: look }
  const context = { maxBatchedTokens: 2048, maxSequences: 256, maxDrafts: 0, ...limits } as StepCostContext
  const cost = links.reduceRight((next, link) => link.wrap(next, context), base)
  const { decodes = 0, prefillTokens = 0, draftTokens = 0 } = step
  const prefills = prefillTokens > 0 ? 1 : 0
  const mixed = prefills > 0 || draftTokens !== decodes * context.maxDrafts
  const counts = {
    tokens: decodes + draftTokens + prefillTokens,
    draftTokens,
    mixed,
    logitRows: decodes + prefills + draftTokens,
    sequences: decodes + prefills,
    decodes,
    prefills,
    prefillTokens,
  }
  const view: StepView = {
    ...counts,
    decodeContextSum: 0,
    longestDecodeContext: 0,
    prefillWork: 0,
    paddedTokens: counts.tokens,
    paddedSequences: counts.sequences,
    graph: 'none',
    peers: step.peers ?? { count: 1, tokens: new Int32Array(0), sequences: new Int32Array(0), anyMixed: false },
    expertTokens: counts.tokens,
    peerTokens: counts.tokens,
  }
  cost.price({ ...view }, 0, { fixedNs: 0, attentionNs: 0, hostNs: 0 })
  const priced = { ...seen }
  cost.priceRun({ ...view }, 1, 0, { fixedNs: 0, hostNs: 0, attentionNs: new Float64Array(1) })
  expect(seen).toEqual(priced)
  return priced
}

describe('the ladder of captured sizes', () => {
  test('is vLLM’s: 1, 2, 4, eights below 256, sixteens up to 512', () => {
    const ladder = captureLadder({ maxBatchedTokens: 8192, maxSequences: 256, maxDrafts: 0 })
    expect(ladder).toHaveLength(51)
    expect(ladder.slice(0, 5)).toEqual([1, 2, 4, 8, 16])
    expect(ladder.slice(32, 37)).toEqual([240, 248, 256, 272, 288])
    expect(ladder.at(-1)).toBe(512)
  })

  test('is rounded up to multiples of a sequence’s tokens; what is too large then is left out', () => {
    const ladder = captureLadder({ maxBatchedTokens: 8192, maxSequences: 256, maxDrafts: 2 })
    expect(ladder.slice(0, 5)).toEqual([3, 6, 9, 18, 24])
    expect(ladder.every((size) => size % 3 === 0)).toBe(true)
    // vLLM with two drafts ends at 498: 512 would be 513.
    expect(ladder.at(-1)).toBe(498)
    expect(captureLadder({ maxBatchedTokens: 8192, maxSequences: 8, maxDrafts: 3 }).at(-1)).toBe(64)
  })

  test('ends at twice the sequence limit, and at the token budget', () => {
    expect(captureLadder({ maxBatchedTokens: 8192, maxSequences: 128, maxDrafts: 0 }).at(-1)).toBe(256)
    expect(captureLadder({ maxBatchedTokens: 8192, maxSequences: 1, maxDrafts: 0 })).toEqual([1, 2])
    expect(captureLadder({ maxBatchedTokens: 100, maxSequences: 256, maxDrafts: 0 }).at(-1)).toBe(96)
  })

  test('can be given, in any order', () => {
    expect(captureLadder({ maxBatchedTokens: 100, maxSequences: 8, maxDrafts: 0, captureSizes: [64, 3, 3, 512] })).toEqual([3, 64])
    expect(captureLadder({ maxBatchedTokens: 100, maxSequences: 8, maxDrafts: 0, captureSizes: [64, 3], maxCaptureSize: 63 })).toEqual([3])
  })

  test('pads every count to the smallest size that holds it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const ladder = [...sizes].sort((a, b) => a - b)
        const table = paddedSizes(ladder)
        expect(table).toHaveLength(ladder.at(-1)! + 1)
        for (let tokens = 1; tokens < table.length; tokens++) expect(table[tokens]).toBe(ladder.find((size) => size >= tokens))
      }),
    )
  })
})

describe('a step', () => {
  test.each([
    [9, 16],
    [33, 40],
    [256, 256],
    [200, 200],
  ])('of %i decodes replays the full graph of %i', (decodes, size) => {
    expect(padded({ decodes })).toEqual({ paddedTokens: size, paddedSequences: size, graph: 'full' })
  })

  test('with prefill runs in pieces: attention is launched on the true sequences', () => {
    expect(padded({ decodes: 9, prefillTokens: 100 })).toEqual({ paddedTokens: 112, paddedSequences: 10, graph: 'piecewise' })
  })

  test('above the largest size has no graph and no padding', () => {
    expect(padded({ decodes: 13, prefillTokens: 500 })).toEqual({ paddedTokens: 513, paddedSequences: 14, graph: 'none' })
  })

  test('whose padded size exceeds the sequence limit has no full graph', () => {
    expect(padded({ decodes: 96 }, { maxSequences: 100 }).graph).toBe('full')
    expect(padded({ decodes: 97 }, { maxSequences: 100 })).toEqual({ paddedTokens: 104, paddedSequences: 97, graph: 'piecewise' })
  })

  test('is never padded beyond the token budget', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 300 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (maxBatchedTokens, maxSequences, share) => {
          const decodes = Math.max(1, Math.floor(share * Math.min(maxBatchedTokens, maxSequences)))
          const { paddedTokens } = padded({ decodes }, { maxBatchedTokens, maxSequences })
          expect(paddedTokens).toBeGreaterThanOrEqual(decodes)
          expect(paddedTokens).toBeLessThanOrEqual(maxBatchedTokens)
        },
      ),
    )
  })

  test('with drafts is padded to multiples of a sequence’s tokens, and has a full graph where all verify as many', () => {
    const verify = (decodes: number, draftTokens: number) => padded({ decodes, draftTokens }, { maxDrafts: 3, maxSequences: 64 })
    // 9 × 4 = 36 tokens: 40 of them, ten sequences.
    expect(verify(9, 27)).toEqual({ paddedTokens: 40, paddedSequences: 10, graph: 'full' })
    expect(verify(9, 26)).toEqual({ paddedTokens: 40, paddedSequences: 9, graph: 'piecewise' })
    expect(verify(1, 0)).toEqual({ paddedTokens: 4, paddedSequences: 1, graph: 'piecewise' })
    // Full graphs go up to 64 × 4 tokens.
    expect(verify(64, 192)).toEqual({ paddedTokens: 256, paddedSequences: 64, graph: 'full' })
  })

  test('in mode piecewise never runs in one graph, in mode none in none', () => {
    expect(padded({ decodes: 9 }, {}, { mode: 'piecewise' })).toEqual({ paddedTokens: 16, paddedSequences: 9, graph: 'piecewise' })
    expect(padded({ decodes: 9 }, {}, { mode: 'none' })).toEqual({ paddedTokens: 9, paddedSequences: 9, graph: 'none' })
  })
})

describe('a step of replicas that step together', () => {
  /** The step of the first of them, in which `others` tokens are those of its peers. */
  const together = (own: { decodes?: number; prefillTokens?: number }, others: number[], anyMixed = (own.prefillTokens ?? 0) > 0) => {
    const tokens = Int32Array.of((own.decodes ?? 0) + (own.prefillTokens ?? 0), ...others)
    return pricedView({ ...own, peers: { count: tokens.length, tokens, sequences: tokens, anyMixed } })
  }

  test('is padded to the largest of them', () => {
    const wanted = { paddedTokens: 40, paddedSequences: 40, graph: 'full', expertTokens: 80, peerTokens: 40 }
    expect(together({ decodes: 9 }, [33])).toEqual(wanted)
    expect(together({ decodes: 33 }, [9])).toEqual(wanted)
    expect(together({ decodes: 3 }, [33, 1])).toEqual({ ...wanted, expertTokens: 120 })
  })

  test('is in one graph only where no peer has a prompt', () => {
    expect(together({ decodes: 9 }, [100], true)).toEqual({
      paddedTokens: 104,
      paddedSequences: 9,
      graph: 'piecewise',
      expertTokens: 208,
      peerTokens: 104,
    })
    expect(together({ decodes: 1, prefillTokens: 30 }, [9]).graph).toBe('piecewise')
  })

  test('has no graph where one of them has none, and keeps the padding of its own size', () => {
    expect(together({ decodes: 9 }, [513], true)).toEqual({
      paddedTokens: 16,
      paddedSequences: 9,
      graph: 'none',
      expertTokens: 16 + 513,
      peerTokens: 513,
    })
    expect(together({ decodes: 13, prefillTokens: 500 }, [33])).toEqual({
      paddedTokens: 513,
      paddedSequences: 14,
      graph: 'none',
      expertTokens: 513 + 40,
      peerTokens: 513,
    })
  })

  test('is never cheaper than alone, and all of them agree on graph and exchanged tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 2, maxLength: 4 }), (counts) => {
        const views = counts.map((decodes, i) => together({ decodes }, [...counts.slice(0, i), ...counts.slice(i + 1)]))
        const [first] = views
        for (const [i, view] of views.entries()) {
          expect(view.paddedTokens).toBeGreaterThanOrEqual(padded({ decodes: counts[i]! }).paddedTokens)
          expect([view.graph, view.expertTokens, view.peerTokens]).toEqual([first!.graph, first!.expertTokens, first!.peerTokens])
        }
        expect(first!.expertTokens).toBe(views.reduce((sum, view) => sum + view.paddedTokens, 0))
        expect(first!.peerTokens).toBe(Math.max(...views.map((view) => view.paddedTokens)))
      }),
    )
  })
})

test('captured sizes that leave none are refused with the numbers', () => {
  expect(() => padded({ decodes: 1 }, { maxBatchedTokens: 64 }, { captureSizes: [128] })).toThrow(
    'the smallest is 128, the largest allowed 64 tokens',
  )
})

test.each([{ mode: 'all' }, { maxCaptureSize: 0 }, { maxCaptureSize: 1e30 }, { captureSizes: [] }, { captureSizes: [1.5] }])(
  '%j is refused',
  (options) => {
    expect(() => padded({ decodes: 1 }, {}, options)).toThrow()
  },
)
