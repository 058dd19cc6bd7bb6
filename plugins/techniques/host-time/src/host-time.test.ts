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
import { expect, test } from 'vitest'
import { hostTime } from './index.js'

const provider = new Registry([hostTime]).named(technique, 'host-time', 'technique')

const base: StepCost = {
  reads: 'shape',
  price(_step, _startNs, out) {
    out.fixedNs = 5
    out.hostNs = 0
  },
  priceRun(_step, _count, _startNs, out) {
    out.fixedNs = 5
    out.hostNs = 0
  },
}

function build(options: Record<string, unknown> = {}, mixedStepHostMs?: number) {
  const links: StepCostLink[] = []
  const sentences: string[] = []
  provider.build(parseOptions(provider.options, options, 'technique'), {
    path: 'techniques[0]',
    claim: (_: unknown, link: unknown) => void links.push(link as StepCostLink),
  } as TechniqueContext)
  const cost = links[0]!.wrap(base, { mixedStepHostMs, assume: (sentence: string) => void sentences.push(sentence) } as StepCostContext)
  const hostMs = (step: Partial<StepView>) => {
    const view = { sequences: 1, prefills: 0, graph: 'none', ...step } as StepView
    const out = { fixedNs: 0, attentionNs: 0, hostNs: -1 }
    cost.price(view, 0, out)
    expect(out.fixedNs).toBe(5)
    return out.hostNs / 1e6
  }
  return { cost, sentences, hostMs, after: links[0]!.after }
}

test('a mixed step without a graph keeps the host busy, one that graphs replay hardly', () => {
  const { hostMs } = build({ mixedStepMs: 25, decodeStepMs: 0.5 })
  expect(hostMs({ prefills: 1 })).toBe(25)
  expect(hostMs({ prefills: 1, graph: 'piecewise' })).toBe(0.5)
  expect(hostMs({ graph: 'full' })).toBe(0.5)
  expect(hostMs({ graph: 'none' })).toBe(0.5)
})

test('sequences add their share', () => {
  expect(build({ decodeStepMs: 0.5, perSequenceUs: 2 }).hostMs({ sequences: 100 })).toBeCloseTo(0.7, 9)
})

test('the device says what a mixed step takes, unless the scenario does, and the summary says who said it', () => {
  expect(build({}, 24).hostMs({ prefills: 1 })).toBe(24)
  expect(build({}, 24).sentences.join()).toContain('24 ms, as the device states')
  expect(build({ mixedStepMs: 30 }, 24).hostMs({ prefills: 1 })).toBe(30)
  expect(build({ mixedStepMs: 30 }, 24).sentences.join()).toContain('30 ms, as the scenario states')
})

test('where nobody says, a mixed step takes what any other does, and nothing is assumed', () => {
  const { hostMs, sentences } = build()
  expect(hostMs({ prefills: 1 })).toBe(0.12)
  expect(hostMs({})).toBe(0.12)
  expect(sentences).toEqual([])
})

test('a run of decode steps takes what one of them does', () => {
  const { cost, hostMs } = build({ mixedStepMs: 25, decodeStepMs: 0.5, perSequenceUs: 2 })
  const out = { fixedNs: 0, hostNs: -1, attentionNs: new Float64Array(3) }
  cost.priceRun({ sequences: 7, prefills: 0, graph: 'full' } as StepView, 3, 0, out)
  expect(out.hostNs).toBe(hostMs({ sequences: 7, graph: 'full' }) * 1e6)
})

test('it reads graph modes that the link for graphs has written', () => {
  expect(build().after).toContain('cuda-graphs')
})

test.each([{ mixedStepMs: -1 }, { decodeStepMs: Number.NaN }, { perSequenceUs: 1e30 }, { mixedStepMs: '25' }])(
  '%j is refused',
  (options) => {
    expect(() => build(options)).toThrow(/Found .*; expected /)
  },
)
