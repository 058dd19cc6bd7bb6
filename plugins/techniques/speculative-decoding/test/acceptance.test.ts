import { createSimulation, type SimulationInput } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { outcomeOf, randomRequests, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it, test } from 'vitest'
import { speculativeDecoding } from '../src/index.js'
import { recording, type Verification } from './recording.js'

const plugins = [vllmScheduler, sglangScheduler, prefixCaching, lru]
const vllm = { use: 'vllm', maxNumSeqs: 16, maxNumBatchedTokens: 256, blockSizeTokens: 4 }

interface Case {
  options?: Record<string, unknown>
  scheduler?: { use: string } & Record<string, unknown>
  blocks?: number
  outputTokens?: number
  requestCount?: number
  seed?: number
  beside?: { use: string }[]
}

/** Many requests of one length, so that steps are full and their drafts are cut only at the end. */
function scenario({ options, scheduler = vllm, blocks = 4000, outputTokens = 200, requestCount = 64, seed = 1, beside = [] }: Case) {
  const requests = Array.from({ length: requestCount }, (_, i) => ({
    arrivalNs: 3000 * i,
    promptTokens: 1 + (i % 30),
    outputTokens,
    tenant: i % 2,
  }))
  const techniques = options === undefined ? beside : [{ use: 'speculative-decoding', ...options }, ...beside]
  return { ...smallScenario({ plugins, requests, blocks, pool: { scheduler, techniques } }), seed }
}

function verified(of: Case): { verifications: Verification[]; input: SimulationInput; preemptions: number } {
  const verifications: Verification[] = []
  const input = { ...scenario(of), plugins: [...scenario(of).plugins, recording(verifications)] }
  const { results } = runChecked(input)
  return { verifications, input, preemptions: results.preemptions }
}

const withTechnique = (of: Case) => ({ ...scenario(of), plugins: [...scenario(of).plugins, speculativeDecoding] })

/** A share among `count`, and three standard deviations of it. */
function expectShare(hits: number, count: number, expected: number): void {
  expect(Math.abs(hits / count - expected), `${hits} of ${count}, expected ${expected}`).toBeLessThan(
    3 * Math.sqrt((expected * (1 - expected)) / count),
  )
}

describe('drafts are kept', () => {
  test.each([
    ['by position', { method: 'eagle3' }, [0.73, 0.521, 0.355]],
    ['with chances given the position before', { method: 'mtp', acceptance: [0.9, 0.5], conditionalRates: true }, [0.9, 0.45]],
    ['with one chance for each', { method: 'ngram', acceptance: 0.6, numSpeculativeTokens: 5 }, [0.6, 0.36, 0.216, 0.1296, 0.07776]],
  ])('%s, within three standard deviations of the rates', (_, options, rates) => {
    const { verifications } = verified({ options })
    const whole = verifications.filter(({ drafts }) => drafts === rates.length)
    expect(whole.length).toBeGreaterThan(4000)
    for (const [i, rate] of rates.entries()) expectShare(whole.filter(({ accepted }) => accepted > i).length, whole.length, rate)
  })

  it.each([0.3, 0.6, 0.9])('with a chance of %d so that a step yields (1 − α^(k+1)) ÷ (1 − α) tokens', (alpha) => {
    const drafts = 4
    const input = withTechnique({ options: { method: 'ngram', acceptance: alpha, numSpeculativeTokens: drafts }, outputTokens: 400 })
    const { counters } = createSimulation(input).run()
    const expected = (1 - alpha ** (drafts + 1)) / (1 - alpha)
    // Kept drafts are a truncated geometric number: E[a²] = Σ (2i − 1) αⁱ.
    let square = 0
    for (let i = 1; i <= drafts; i++) square += (2 * i - 1) * alpha ** i
    const deviation = Math.sqrt((square - (expected - 1) ** 2) / counters.drafts!)
    expect(Math.abs(counters.meanAcceptanceLength! - expected)).toBeLessThan(3 * deviation)
  })

  it('by class of request', () => {
    const options = { method: 'mtp', acceptance: [0.2], classes: [{ value: 1, acceptance: [0.9] }] }
    const { verifications } = verified({ options })
    for (const [value, rate] of [
      [0, 0.2],
      [1, 0.9],
    ] as const) {
      const own = verifications.filter(({ request }) => request % 2 === value)
      expectShare(own.filter(({ accepted }) => accepted === 1).length, own.length, rate)
    }
  })
})

describe('a draw belongs to a request and an output position', () => {
  const options = { method: 'eagle3' }
  const reference = verified({ options }).verifications
  const known = new Map(reference.map((v) => [`${v.request} ${v.position}`, v]))

  it.each([
    ['scarce blocks, so that requests are preempted', { blocks: 300 }],
    ['steps of fewer sequences', { scheduler: { ...vllm, maxNumSeqs: 3 } }],
    ['a token budget that cuts drafts', { scheduler: { ...vllm, maxNumBatchedTokens: 30 } }],
    ['no step formed ahead', { scheduler: { ...vllm, asyncScheduling: false } }],
    ['another engine', { scheduler: { use: 'sglang', maxRunningRequests: 8 } }],
    ['prefix caching', { beside: [{ use: 'prefix-caching' }] }],
  ])('and stays what it was with %s', (_, changes) => {
    const { verifications, preemptions } = verified({ options, ...changes })
    expect(preemptions > 0).toBe('blocks' in changes)
    let compared = 0
    for (const { request, position, drafts, accepted } of verifications) {
      const other = known.get(`${request} ${position}`)
      if (other === undefined) continue
      const fewer = Math.min(drafts, other.drafts)
      expect(Math.min(accepted, fewer), `request ${request} at ${position}`).toBe(Math.min(other.accepted, fewer))
      compared++
    }
    expect(compared).toBeGreaterThan(1000)
  })

  it.each([{}, { blocks: 300 }])('and is made once (%j)', (changes) => {
    const { verifications } = verified({ options, ...changes })
    expect(new Set(verifications.map(({ request, position }) => `${request} ${position}`)).size).toBe(verifications.length)
  })

  it('and not to the seed of another run', () => {
    const other = verified({ options, seed: 2 }).verifications.filter((v) => known.has(`${v.request} ${v.position}`))
    expect(other.some((v) => v.accepted !== known.get(`${v.request} ${v.position}`)!.accepted)).toBe(true)
  })
})

describe('the result', () => {
  it('counts what was drafted and kept, in all, by position and by request', () => {
    const { verifications, input } = verified({ options: { method: 'eagle3' }, requestCount: 10 })
    const simulation = createSimulation(input)
    const { counters } = simulation.run()
    const steps = verifications.length / 2
    const first = verifications.slice(0, steps)
    const sum = (of: (v: Verification) => number) => first.reduce((total, v) => total + of(v), 0)
    expect(counters.drafts).toBe(steps)
    expect(counters.draftTokens).toBe(sum((v) => v.drafts))
    expect(counters.acceptedDraftTokens).toBe(sum((v) => v.accepted))
    expect(counters.meanAcceptanceLength).toBeCloseTo(1 + counters.acceptedDraftTokens! / steps, 12)
    expect(counters.draftAcceptanceFraction).toBeCloseTo(counters.acceptedDraftTokens! / counters.draftTokens!, 12)
    for (let i = 0; i < 3; i++) expect(counters[`acceptanceAtPosition${i + 1}`]).toBeCloseTo(sum((v) => Number(v.accepted > i)) / steps, 12)
    const [drafts, accepted] = simulation.results.requests.addedColumns
    expect(drafts).toMatchObject({ name: 'drafts', unit: 'steps' })
    expect(drafts!.values.reduce((a, b) => a + b, 0)).toBe(steps)
    expect(accepted!.values.reduce((a, b) => a + b, 0)).toBe(counters.acceptedDraftTokens)
  })

  it('names the technique among those that rule stretches out', () => {
    expect(createSimulation(withTechnique({ options: {} })).run().steps).toMatchObject({
      fastShare: 0,
      ruledOut: [{ pool: 'pools[0]', by: ['speculative-decoding'] }],
    })
  })

  it('has as many tokens of each request as without speculation, however many come at once', () => {
    const outputs = (options?: Record<string, unknown>) => {
      const { results } = runChecked(withTechnique({ ...(options === undefined ? {} : { options }), outputTokens: 23 }))
      return { tokens: results.outputTokens, gaps: results.itl.count }
    }
    const [plain, sure] = [outputs(), outputs({ method: 'ngram', acceptance: 1, numSpeculativeTokens: 4 })]
    expect(sure.tokens).toBe(plain.tokens)
    // One at the prompt's end, then 22 in fives.
    expect(sure.gaps).toBe(64 * 5)
  })
})

it('drafts nothing after steps of more sequences than it may', () => {
  const options = { method: 'ngram', acceptance: 1, numSpeculativeTokens: 4, disableAboveBatchSize: 3 }
  const many = createSimulation(withTechnique({ options, requestCount: 16, outputTokens: 50 })).run().counters
  const few = createSimulation(withTechnique({ options, requestCount: 3, outputTokens: 50 })).run().counters
  expect(few.drafts).toBeGreaterThan(0)
  expect(many.drafts! / 16).toBeLessThan(few.drafts! / 3)
  const none = createSimulation(withTechnique({ options: { ...options, numSpeculativeTokensPerBatchSize: [[1, 3, 0]] } })).run()
  expect(none.counters.drafts).toBe(0)
})

it('with nothing ever drafted does what no speculation does', () => {
  const requests = randomRequests(5)
  const input = (techniques: { use: string }[]) =>
    smallScenario({ plugins: [...plugins, speculativeDecoding], requests, blocks: 200, pool: { scheduler: vllm, techniques } })
  const off = { use: 'speculative-decoding', method: 'ngram', numSpeculativeTokens: 3, ngramHitFraction: 0, lookupNsPerToken: 0 }
  const synchronous = { ...vllm, asyncScheduling: false }
  const plain = createSimulation({ ...input([]), pools: [{ ...input([]).pools[0]!, scheduler: synchronous }] })
  const idle = createSimulation(input([off]))
  plain.run()
  idle.run()
  const { metrics, ...rest } = idle.result()
  expect(rest.counters.drafts).toBe(0)
  expect(metrics).toEqual(plain.result().metrics)
  expect(outcomeOf(idle).exact).toEqual(outcomeOf(plain).exact)
})
