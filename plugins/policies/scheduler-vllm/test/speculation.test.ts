import { createSimulation, type SimulationInput } from '@servesim/core'
import { type ListedRequest, recordSchedule, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { vllmScheduler } from '../src/index.js'

/*
 * Schedules with drafted tokens, worked out by hand from vLLM's rules. Every step takes 1000 ns; a block holds four tokens. P prompt, M output
 * limit, O output so far, C computed, H placeholders, S drafts for the next step.
 */

interface Case {
  requests: ListedRequest[]
  scheduler?: Record<string, unknown>
  drafts?: Record<string, unknown>
  contextNs?: number
  maxModelLenTokens?: number
}

/** Drafts by twos. Where 0, 1, 2 or 3 tokens of a request (modulo 4) are known, 0, 0, 1 or 2 drafts are accepted. */
function scenario({ requests, scheduler = {}, drafts = {}, contextNs = 0, maxModelLenTokens = 40 }: Case): SimulationInput {
  const device = { use: 'toy-device', stepNs: 1000, tokenNs: 0, sequenceNs: 0, contextNs }
  return smallScenario({
    plugins: [vllmScheduler],
    blocks: 41,
    requests,
    pool: {
      device,
      maxModelLenTokens,
      scheduler: { use: 'vllm', blockSizeTokens: 4, maxNumSeqs: 4, maxNumBatchedTokens: 64, ...scheduler },
      techniques: [{ use: 'toy-drafts', maxDrafts: 2, lookaheadSlots: 2, accepted: [0, 0, 1, 2], ...drafts }],
    },
  })
}

const forms = (of: Case) =>
  recordSchedule(scenario(of)).forms.map(({ timeNs, scheduled }) => `${timeNs}: ${scheduled.map(([r, n]) => `${r}×${n}`).join(' ')}`)

/** The books of every running request after the last event of each instant that changed them. */
function books(input: SimulationInput): string[] {
  const simulation = createSimulation(input)
  const lines: string[] = []
  for (let done = false; !done; ) {
    done = simulation.advance({ maxEvents: 1 })
    const { running, shared } = simulation.units[0]!
    const t = shared.requests
    const of = (r: number) =>
      `${t.arrivalIndex[r]}: O${t.outputTokens[r]} C${t.computedTokens[r]} H${t.placeholderTokens[r]} S${t.draftTokens[r]}, ${t.blocks[r]} blocks`
    const state = Array.from({ length: running.length }, (_, i) => of(running.at(i))).join(' | ')
    if (state !== '' && !lines.at(-1)?.endsWith(` ${state}`)) lines.push(`${simulation.now}  ${state}`)
  }
  return lines
}

const two: ListedRequest[] = [
  { arrivalNs: 0, promptTokens: 5, outputTokens: 9 },
  { arrivalNs: 500, promptTokens: 3, outputTokens: 6 },
]

describe('without asynchronous scheduling', () => {
  it('schedules a token and its drafts, and takes the rejected ones back when the step has completed', () => {
    expect(forms({ requests: two, scheduler: { asyncScheduling: false } })).toEqual([
      // A prompt carries no drafts.
      '0: 0×5',
      '1000: 0×3 1×3',
      '2000: 0×3 1×3',
      '3000: 0×3 1×3',
      '4000: 0×3 1×3',
      '5000: 0×3 1×3',
      '6000: 0×3',
      '7000: ',
    ])
    expect(books(scenario({ requests: two, scheduler: { asyncScheduling: false } }))).toEqual([
      // First admissions get no slots ahead: ⌈5 ÷ 4⌉ blocks.
      '0  0: O0 C5 H0 S0, 2 blocks',
      '1000  0: O1 C5 H0 S2, 2 blocks',
      // C advances by 1 + 2 at form, and two slots lie ahead: ⌈(8 + 2) ÷ 4⌉.
      '1000  0: O1 C8 H0 S0, 3 blocks | 1: O0 C3 H0 S0, 1 blocks',
      // With O = 1 both drafts of request 0 are rejected: one token comes out, C falls back to 6. Its blocks stay.
      '2000  0: O2 C6 H0 S2, 3 blocks | 1: O1 C3 H0 S2, 1 blocks',
      '2000  0: O2 C9 H0 S0, 3 blocks | 1: O1 C6 H0 S0, 2 blocks',
      // With O = 2 one of two is accepted: two tokens.
      '3000  0: O4 C8 H0 S2, 3 blocks | 1: O2 C4 H0 S2, 2 blocks',
      '3000  0: O4 C11 H0 S0, 4 blocks | 1: O2 C7 H0 S0, 3 blocks',
      '4000  0: O5 C9 H0 S2, 4 blocks | 1: O4 C6 H0 S2, 3 blocks',
      '4000  0: O5 C12 H0 S0, 4 blocks | 1: O4 C9 H0 S0, 3 blocks',
      '5000  0: O6 C10 H0 S2, 4 blocks | 1: O5 C7 H0 S2, 3 blocks',
      '5000  0: O6 C13 H0 S0, 4 blocks | 1: O5 C10 H0 S0, 3 blocks',
      // Request 1 has its six tokens.
      '6000  0: O8 C12 H0 S2, 4 blocks',
      // ⌈(15 + 2) ÷ 4⌉.
      '6000  0: O8 C15 H0 S0, 5 blocks',
    ])
  })
})

describe('with asynchronous scheduling', () => {
  it('forms steps behind placeholders, which fall back with the rejected drafts', () => {
    expect(forms({ requests: two })).toEqual([
      '0: 0×5',
      // The prompt's token and, behind it, two drafts.
      '0: 0×3',
      '1000: 0×3 1×3',
      '2000: 0×3 1×3',
      '3000: 0×3 1×3',
      '4000: 0×3 1×3',
      '5000: 0×3 1×3',
      // C + 2 − H is 15 + 2 − 3 = 5 + 9, and 10 + 2 − 3 = 3 + 6: the last token of both is in flight.
      '6000: ',
      '7000: ',
    ])
    expect(books(scenario({ requests: two }))).toEqual([
      '0  0: O0 C5 H1 S2, 2 blocks',
      '0  0: O0 C8 H4 S2, 3 blocks',
      '1000  0: O1 C8 H3 S2, 3 blocks',
      '1000  0: O1 C11 H6 S2, 4 blocks | 1: O0 C3 H1 S2, 1 blocks',
      // The step of three that was formed at 0 ends: nothing accepted, C and H fall by 2, and H by the one token that came.
      '2000  0: O2 C9 H3 S2, 4 blocks | 1: O0 C3 H1 S2, 1 blocks',
      '2000  0: O2 C12 H6 S2, 4 blocks | 1: O0 C6 H4 S2, 2 blocks',
      '3000  0: O4 C11 H3 S2, 4 blocks | 1: O1 C6 H3 S2, 2 blocks',
      '3000  0: O4 C14 H6 S2, 4 blocks | 1: O1 C9 H6 S2, 3 blocks',
      '4000  0: O5 C12 H3 S2, 4 blocks | 1: O2 C7 H3 S2, 3 blocks',
      '4000  0: O5 C15 H6 S2, 5 blocks | 1: O2 C10 H6 S2, 3 blocks',
      '5000  0: O6 C13 H3 S2, 5 blocks | 1: O4 C9 H3 S2, 3 blocks',
      '5000  0: O6 C16 H6 S2, 5 blocks | 1: O4 C12 H6 S2, 4 blocks',
      '6000  0: O8 C15 H3 S2, 5 blocks | 1: O5 C10 H3 S2, 4 blocks',
    ])
  })

  it('drops what a step yields for a request that more accepted drafts than it could know have ended', () => {
    const requests = [
      { arrivalNs: 0, promptTokens: 5, outputTokens: 8 },
      { arrivalNs: 0, promptTokens: 1, outputTokens: 30 },
    ]
    const { results } = runChecked(scenario({ requests }))
    // O is 6 when the step formed at 5000 still takes part; the two tokens that come at 6000 are the last.
    expect(forms({ requests })).toContain('5000: 0×3 1×3')
    expect(forms({ requests })).toContain('6000: 1×3')
    expect(results.requests.column('lastTokenNs')[0]).toBe(6000)
    expect(Array.from(results.requests.column('outputTokens'))).toEqual([8, 30])
  })

  it('knows when a step starts what the one before has rejected: contexts are the true ones', () => {
    const requests = [{ arrivalNs: 0, promptTokens: 5, outputTokens: 6 }]
    const ends = (asyncScheduling: boolean) => {
      const simulation = createSimulation(scenario({ requests, scheduler: { asyncScheduling }, contextNs: 10 }))
      simulation.run()
      return simulation.results.requests.column('lastTokenNs')[0]
    }
    // Two layers. Prompt: 2 · 10 · 5²/2 = 250. Then contexts 5, 6, 8, 9 (O 1, 2, 4, 5).
    expect(ends(false)).toBe(5 * 1000 + 250 + 20 * (5 + 6 + 8 + 9))
    expect(ends(true)).toBe(ends(false))
  })
})

it('verifies as many drafts as the token budget leaves room for', () => {
  const requests = [1, 1].map((promptTokens) => ({ arrivalNs: 0, promptTokens, outputTokens: 3 }))
  const scheduler = { asyncScheduling: false, maxNumBatchedTokens: 5 }
  // Of request 1 one draft is left out. Each has its third token then, or the second.
  expect(forms({ requests, scheduler, drafts: { accepted: [0, 1] } })).toEqual(['0: 0×1 1×1', '1000: 0×3 1×2', '2000: '])
})

it('drafts nothing beyond the longest sequence', () => {
  const requests = [{ arrivalNs: 0, promptTokens: 6, outputTokens: 4 }]
  const scheduler = { asyncScheduling: false }
  // L − 1 − C: with L = 10 and C = 6 the three tokens fit, with C = 7 and 8 two and one.
  expect(forms({ requests, scheduler, drafts: { accepted: [0] }, maxModelLenTokens: 10 })).toEqual([
    '0: 0×6',
    '1000: 0×3',
    '2000: 0×2',
    '3000: 0×1',
    '4000: ',
  ])
})

it('sets budget aside for a drafter’s tokens, from 0.28 on only for those who take part', () => {
  const requests = [{ arrivalNs: 0, promptTokens: 20, outputTokens: 1 }]
  const scheduler = { maxNumBatchedTokens: 14, asyncScheduling: false }
  expect(forms({ requests, scheduler, drafts: { budgetSlots: 1 } })).toEqual(['0: 0×10', '1000: 0×10', '2000: '])
  expect(forms({ requests, scheduler: { ...scheduler, release: '0.28' }, drafts: { budgetSlots: 1 } })).toEqual([
    '0: 0×13',
    '1000: 0×7',
    '2000: ',
  ])
  expect(() => forms({ requests, scheduler: { ...scheduler, maxNumBatchedTokens: 4 }, drafts: { budgetSlots: 1 } })).toThrow(
    'leaves none of 4',
  )
})

it('gives slots ahead at admission from 0.23 on', () => {
  const requests = [{ arrivalNs: 0, promptTokens: 3, outputTokens: 2 }]
  expect(books(scenario({ requests, scheduler: { asyncScheduling: false } }))[0]).toBe('0  0: O0 C3 H0 S0, 1 blocks')
  expect(books(scenario({ requests, scheduler: { asyncScheduling: false, release: '0.28' } }))[0]).toBe('0  0: O0 C3 H0 S0, 2 blocks')
})

it('forms no step ahead where drafts need known tokens, and says so', () => {
  const input = scenario({ requests: two, drafts: { synchronous: true } })
  const { pools } = createSimulation(input)
  expect(pools[0]!.limits.depth).toBe(1)
  expect(pools[0]!.assumptions.join()).toContain('Steps are formed one by one')
  expect(books(input)).toEqual(books(scenario({ requests: two, scheduler: { asyncScheduling: false } })))
})
