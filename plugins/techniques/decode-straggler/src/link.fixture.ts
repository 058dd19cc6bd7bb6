import {
  type Plugin,
  parseOptions,
  Registry,
  type RunPrice,
  type StepCost,
  type StepCostContext,
  type StepCostLink,
  type StepPrice,
  type StepView,
  type TechniqueContext,
  technique,
} from '@servesim/core'

/** The step-cost link that a technique claims. */
export function linkOf(plugin: Plugin, use: string, options: Record<string, unknown> = {}): StepCostLink {
  const provider = new Registry([plugin]).named(technique, use, 'technique')
  const claimed: StepCostLink[] = []
  provider.build(parseOptions(provider.options, options, 'technique'), {
    path: 'technique',
    claim: (_: unknown, link: unknown) => void claimed.push(link as StepCostLink),
  } as TechniqueContext)
  return claimed[0] ?? { name: 'none', wrap: (next) => next }
}

export function poolContext(facts: Partial<StepCostContext>): StepCostContext {
  return {
    path: 'pool',
    device: { name: 'device', vendor: 'vendor', memoryBytes: 1e11, memoryBytesPerSecond: 1e12, bf16FlopPerSecond: 1e15, source: 'test' },
    straggler: undefined,
    mixedStepHostMs: undefined,
    collectives: [],
    kvHeads: 8,
    kvBytesPerTokenPerHead: 512,
    layers: 32,
    maxBatchedTokens: 2048,
    maxSequences: 128,
    maxDrafts: 0,
    engineRelease: '0.19.0',
    forwardPass: () => ({ run: () => 0 }),
    assume: () => {},
    ...facts,
  }
}

/** A formed step; counts that are not given follow from those that are. */
export function stepOf(given: Partial<StepView>): StepView {
  const { decodes = 0, prefills = 0, prefillTokens = 0 } = given
  const tokens = decodes + prefillTokens
  const sequences = decodes + prefills
  return {
    tokens,
    sequences,
    logitRows: sequences,
    decodes,
    decodeContextSum: 0,
    longestDecodeContext: 0,
    prefills,
    prefillTokens,
    prefillWork: 0,
    draftTokens: 0,
    mixed: prefills > 0,
    paddedTokens: tokens,
    paddedSequences: sequences,
    graph: 'none',
    peers: { count: 1, tokens: new Int32Array(0), sequences: new Int32Array(0), anyMixed: false },
    expertTokens: tokens,
    peerTokens: tokens,
    ...given,
  }
}

export function priced(cost: StepCost, step: StepView): StepPrice {
  const out = { fixedNs: 0, attentionNs: 0, hostNs: 0 }
  cost.price({ ...step }, 0, out)
  return out
}

/** Each step of a run of pure-decode steps, priced one by one and in one go. */
export function pricedRun(cost: StepCost, step: StepView, count: number): { single: StepPrice[]; run: StepPrice[] } {
  const single = Array.from({ length: count }, (_, j) =>
    priced(cost, {
      ...step,
      decodeContextSum: step.decodeContextSum + j * step.decodes,
      longestDecodeContext: step.longestDecodeContext + j,
    }),
  )
  const out: RunPrice = { fixedNs: 0, hostNs: 0, attentionNs: new Float64Array(count) }
  cost.priceRun({ ...step }, count, 0, out)
  const run = Array.from(out.attentionNs, (attentionNs) => ({ fixedNs: out.fixedNs, attentionNs, hostNs: out.hostNs }))
  return { single, run }
}
