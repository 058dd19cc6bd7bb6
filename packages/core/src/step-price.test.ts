import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type OperatorGraph, operatorClasses } from './operators.js'
import { type CompiledDevice, provenances } from './points/device.js'
import type { Network } from './points/network.js'
import { Step } from './step.js'
import { BaseStepCost } from './step-price.js'
import { resources } from './usage-summary.js'

const bytes = { weightBytesPerElement: 2, activationBytesPerElement: 2 }

const graph: OperatorGraph = {
  operators: [
    { kind: 'gemm', name: 'qkv_proj', class: 'linear', rows: 'tokens', repeat: 3, n: 8, k: 8, ...bytes },
    { kind: 'attention', name: 'attention', class: 'attention', repeat: 3, heads: 2, kvHeads: 2, headDim: 4, kvBytesPerElement: 2 },
    { kind: 'gemm', name: 'lm_head', class: 'logits-sampling', rows: 'sequences', repeat: 1, n: 8, k: 8, ...bytes },
  ],
  collectives: [{ name: 'all_reduce', collective: 'all-reduce', ranks: 2, rows: 'tokens', bytesPerRow: 16, repeat: 6 }],
  layers: 3,
  weightBytes: 0,
  kvBytesPerToken: 1,
  activationBytesPerToken: 0,
  outputBytesPerToken: 0,
  samplingBytesPerSequence: 0,
}

const contextTokens = Float64Array.of(16, 64, 256)

const device: CompiledDevice = {
  latency: (operator, rows) =>
    operator.name === 'qkv_proj'
      ? { ns: 10 * rows, provenance: 'measured', computeFraction: 0.25 }
      : { ns: 7 * rows, provenance: 'interpolated' },
  attention: {
    contextTokens,
    measuredContextTokens: 64,
    decodeProvenance: 'measured',
    decodeRowNs: (decodes, launched) => contextTokens.map((context) => decodes * context + launched),
    mixedNs: (newTokens, context, decodes, decodeContext) => ({
      ns: newTokens * context + decodes * decodeContext,
      provenance: 'analytic',
    }),
  },
  assumptions: [],
}

const network: Network = {
  reads: 'shape',
  provenance: 'analytic',
  assumptions: [],
  collectiveNs: (_kind, ranks, sent) => ranks * sent,
  transferNs: () => 0,
}

const newCost = () => new BaseStepCost([graph], device, network, 64, 16, 1)

/** @param members tokens and context of each */
function stepOf(...members: [tokens: number, context: number][]): Step {
  const step = new Step(2)
  members.forEach(([tokens, context], request) => {
    step.add(request, tokens, context)
  })
  step.paddedTokens = step.tokens
  step.paddedSequences = step.count
  return step
}

describe('the price of a step that verifies drafts', () => {
  /** Two sequences with contexts of 40 tokens, of which one verifies two drafts. */
  const verifying = () => {
    const step = new Step(2)
    step.add(0, 3, 40, 2)
    step.add(1, 1, 40)
    step.unpadded()
    return step
  }

  it('has a row of logits for each token, and attention as for one token of each sequence', () => {
    const step = verifying()
    newCost().price(step, 0, step)
    expect(step.fixedNs).toBe(4 * 30 + 6 * 2 * 64 + 4 * 7)
    expect(step.attentionNs).toBe(3 * (2 * 40 + 2))
  })

  it('asks a device that knows more what attention of two tokens in the mean takes, beside prompts too', () => {
    const asked: number[][] = []
    const verifyRowNs = (decodes: number, launched: number, queryTokens: number) => {
      asked.push([decodes, launched, queryTokens])
      return contextTokens.map((context) => decodes * context + 10 * queryTokens)
    }
    const cost = new BaseStepCost([graph], { ...device, attention: { ...device.attention, verifyRowNs } }, network, 64, 16, 1)
    const step = verifying()
    cost.price(step, 0, step)
    expect(step.attentionNs).toBe(3 * (2 * 40 + 20))
    step.add(2, 4, 6)
    step.unpadded()
    cost.price(step, 0, step)
    // What the mixed kernel takes, and what drafts take more: 20 instead of the 3 that are launched.
    expect(step.attentionNs).toBe(3 * (4 * 6 + 2 * 40) + 3 * (20 - 3))
    expect(asked[0]).toEqual([2, 2, 2])
  })
})

describe('the price of a step', () => {
  it('sums operators and collectives over layers, and looks decode attention up at the mean context', () => {
    const step = stepOf([1, 20], [1, 60])
    newCost().price(step, 0, step)
    // Two tokens: 3 × 20 and six all-reduces of 2 × 32; two sequences: 14.
    expect(step.fixedNs).toBe(3 * 20 + 6 * 2 * 32 + 14)
    // Mean context 40, halfway between 16 and 64: 2 × 40 + 2 of each of three layers.
    expect(step.attentionNs).toBe(3 * (2 * 40 + 2))
  })

  it('is constant below the first context of the grid and goes on in a line beyond the last', () => {
    const cost = newCost()
    const at = (context: number) => {
      const step = stepOf([1, context])
      cost.price(step, 0, step)
      return step.attentionNs
    }
    expect([at(0), at(16), at(64), at(256), at(1024)]).toEqual([51, 51, 3 * 65, 3 * 257, 3 * 1025])
    // A short context behind a long one finds its cell again.
    expect(at(40)).toBe(3 * 41)
  })

  it('turns several chunks into the one that does the same work', () => {
    const step = stepOf([4, 0], [4, 0], [1, 30])
    newCost().price(step, 0, step)
    // Σq(k + q/2) = 2 × 8 over 8 tokens, at context 16/8 − 8/2 = −2.
    expect(step.attentionNs).toBe(3 * (8 * -2 + 30))
  })

  it('is priced at the tokens of all replicas for experts, and at those of the largest for their collectives', () => {
    const moe: OperatorGraph = {
      ...graph,
      operators: [
        ...graph.operators.filter((operator) => operator.kind === 'attention'),
        {
          kind: 'moe',
          name: 'moe',
          class: 'moe',
          repeat: 3,
          experts: 4,
          localExperts: 2,
          topK: 1,
          hiddenSize: 8,
          intermediateSize: 8,
          ...bytes,
        },
      ],
      collectives: [{ name: 'dispatch', collective: 'all-gather', ranks: 2, rows: 'peerTokens', bytesPerRow: 16, repeat: 3 }],
    }
    const step = stepOf([1, 64])
    step.expertTokens = 100
    step.peerTokens = 60
    const cost = new BaseStepCost([moe], device, network, 64, 16, 2)
    cost.price(step, 0, step)
    // Nothing goes by the replica's own tokens or sequences here.
    expect(step.fixedNs).toBe(3 * 7 * 100 + 3 * 2 * 16 * 60)
    cost.usage.count(step, step.attentionNs)
    expect(cost.usage.summary().classNs[operatorClasses.indexOf('moe')]).toBe(3 * 7 * 100)
  })

  it('is priced at the padded token count, but for attention and what runs once a sequence', () => {
    const step = stepOf([1, 64])
    step.paddedTokens = 8
    newCost().price(step, 0, step)
    expect(step.fixedNs).toBe(3 * 80 + 6 * 2 * 128 + 7)
  })

  it('is, for a run of decode steps, to the last bit that of each of them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 16 }), fc.integer({ min: 1, max: 200 }), (contexts, count) => {
        const cost = newCost()
        const run = { fixedNs: 0, hostNs: 0, attentionNs: new Float64Array(count) }
        cost.priceRun(stepOf(...contexts.map((context): [number, number] => [1, context])), count, 0, run)
        for (let j = 0; j < count; j++) {
          const step = stepOf(...contexts.map((context): [number, number] => [1, context + j]))
          cost.price(step, 0, step)
          expect([run.fixedNs, run.attentionNs[j]]).toEqual([step.fixedNs, step.attentionNs])
        }
      }),
    )
  })
})

describe('where the time went', () => {
  const total = (ns: Float64Array) => ns.reduce((a, b) => a + b, 0)

  it('adds up to the time of all steps in each of its three splits', () => {
    const cost = newCost()
    let sum = 0
    for (const step of [stepOf([1, 20]), stepOf([8, 0], [1, 5]), stepOf([1, 300], [1, 100])]) {
      cost.price(step, 0, step)
      cost.usage.count(step, step.attentionNs)
      cost.usage.wait(5)
      sum += step.fixedNs + step.attentionNs + 5
    }
    const { classNs, resourceNs, provenanceNs } = cost.usage.summary()
    expect(total(classNs)).toBeCloseTo(sum, 6)
    expect(total(resourceNs)).toBeCloseTo(sum, 6)
    // Time that the device waited for the host rests on no latency.
    expect(total(provenanceNs)).toBeCloseTo(sum - 15, 6)
    expect(classNs[operatorClasses.indexOf('host')]).toBe(15)
    expect(resourceNs[resources.indexOf('link')]).toBe(classNs[operatorClasses.indexOf('collective')])
  })

  it('is the same for a run of steps as for each of them, extrapolated contexts included', () => {
    const [single, run] = [newCost(), newCost()]
    const count = 40
    for (let j = 0; j < count; j++) {
      const step = stepOf([1, 50 + j], [1, 30 + j])
      single.price(step, 0, step)
      single.usage.count(step, step.attentionNs)
      single.usage.wait(3)
    }
    const first = stepOf([1, 50], [1, 30])
    const out = { fixedNs: 0, hostNs: 0, attentionNs: new Float64Array(count) }
    run.priceRun(first, count, 0, out)
    run.usage.countRun(first, count, out.attentionNs, 3 * count)
    const [expected, actual] = [single.usage.summary(), run.usage.summary()]
    for (const split of ['classNs', 'resourceNs', 'provenanceNs'] as const) {
      actual[split].forEach((ns, i) => {
        expect(ns).toBeCloseTo(expected[split][i]!, 6)
      })
    }
    expect(actual.provenanceNs[provenances.indexOf('extrapolated')]).toBeGreaterThan(0)
  })
})
