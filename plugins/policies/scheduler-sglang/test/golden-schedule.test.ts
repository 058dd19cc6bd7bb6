import { lru } from '@servesim/eviction-lru'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { type ListedRequest, PrefixIds, type RecordedForm, recordSchedule, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { sglangScheduler } from '../src/index.js'

/*
 * Schedules worked out by hand from SGLang's rules (the README's table of rules in brackets). Every step takes 1000 ns; blocks hold one
 * token. P prompt, M output limit, O output so far, C computed, H tokens in flight.
 */

const device = { use: 'toy-device', stepNs: 1000, tokenNs: 0, sequenceNs: 0, contextNs: 0 }

interface Case {
  requests: ListedRequest[]
  blocks?: number
  options?: Record<string, unknown>
  caching?: boolean
}

function scenario({ requests, blocks = 400, options = {}, caching = false }: Case) {
  const techniques = caching ? [{ use: 'prefix-caching' }] : []
  const pool = { device, maxModelLenTokens: blocks, scheduler: { use: 'sglang', ...options }, techniques }
  return smallScenario({ plugins: [sglangScheduler, prefixCaching, lru], requests, blocks, pool })
}

/** `2000: 0×1 2×3, preempts 1`: formed at 2000 ns with one token of request 0 and three of request 2; 1 was retracted. */
function lines(forms: RecordedForm[]): string[] {
  return forms.map(({ timeNs, scheduled, preempted }) => {
    const members = scheduled.map(([request, tokens]) => `${request}×${tokens}`).join(' ')
    return `${timeNs}: ${members === '' ? 'nothing' : members}${preempted.length > 0 ? `, preempts ${preempted.join(' ')}` : ''}`
  })
}

const schedule = (of: Case) => lines(recordSchedule(scenario(of)).forms)

it('computes prompts before it decodes, one step ahead under the overlap scheduler', () => {
  const { forms, simulation } = recordSchedule(
    scenario({
      options: { chunkedPrefillSize: 8, maxRunningRequests: 2 },
      requests: [
        { arrivalNs: 0, promptTokens: 12, outputTokens: 4 },
        { arrivalNs: 0, promptTokens: 4, outputTokens: 2 },
        { arrivalNs: 1500, promptTokens: 3, outputTokens: 3 },
        { arrivalNs: 1500, promptTokens: 2, outputTokens: 1 },
        { arrivalNs: 20_000, promptTokens: 9, outputTokens: 2 },
        { arrivalNs: 20_000, promptTokens: 1, outputTokens: 1 },
      ],
    }),
  )
  expect(lines(forms)).toEqual([
    // The prompt of 0 is cut to the chunk size, which is used up then [2, 4].
    '0: 0×8',
    // Step 2 is formed when step 1 starts [11]: the cut prompt goes on, and 1 takes what is left of the chunk [3].
    '0: 0×4 1×4',
    // Nobody waits: decode, behind the tokens in flight.
    '1000: 0×1 1×1',
    // 2 and 3 have arrived, and both slots are taken: the batch is full [6]. The last token of 1 is in flight.
    '2000: 0×1',
    // 1 has ended with step 3. A full batch admits nobody; its decode finds that 1 has left, and it is full no more [6].
    '3000: 0×1',
    // So 2 is admitted one step later, and 0 stands still meanwhile [1]. With 3 the slots are used up: full.
    '4000: 2×3',
    // 0 has ended with step 5; the running batch learns of it now, as it decodes.
    '5000: 2×1',
    '6000: 3×2',
    // The one token of 3 is in flight.
    '7000: 2×1',
    // So is the last of 2.
    '8000: nothing',
    '9000: nothing',
    // A burst at an idle engine.
    '20000: 4×8',
    '20000: 4×1 5×1',
    '21000: 4×1',
    '22000: nothing',
    '23000: nothing',
  ])
  const { requests } = simulation.results
  expect(Array.from(requests.column('arrivalIndex'))).toEqual([1, 0, 3, 2, 5, 4])
  expect(Array.from(requests.column('firstTokenNs'))).toEqual([2000, 2000, 8000, 6000, 22_000, 22_000])
  expect(Array.from(requests.column('lastTokenNs'))).toEqual([3000, 5000, 8000, 9000, 22_000, 23_000])
})

it('forms a step when the one before has completed without the overlap scheduler', () => {
  const requests = [
    { arrivalNs: 0, promptTokens: 12, outputTokens: 4 },
    { arrivalNs: 0, promptTokens: 4, outputTokens: 2 },
    { arrivalNs: 1500, promptTokens: 3, outputTokens: 2 },
  ]
  const options = { chunkedPrefillSize: 8, maxRunningRequests: 2, disableOverlapSchedule: true }
  expect(schedule({ options, requests })).toEqual([
    '0: 0×8',
    '1000: 0×4 1×4',
    // 2 waits, both slots are taken: full.
    '2000: 0×1 1×1',
    // 1 has ended; the decode sees it.
    '3000: 0×1',
    '4000: 2×3',
    '5000: 0×1 2×1',
    '6000: nothing',
  ])
})

it('admits by its estimate of coming tokens, retracts where that was too low, and starts over from the end of the queue', () => {
  // Initial ratio 0.7 × 0.1 = 0.07, decay below 0.0002 a step.
  const options = { scheduleConservativeness: 0.1, disableOverlapSchedule: true }
  const requests = [5, 4, 4].map((promptTokens) => ({ arrivalNs: 0, promptTokens, outputTokens: 8 }))
  const decode = (members: string, from: number, to: number) =>
    Array.from({ length: (to - from) / 1000 + 1 }, (_, i) => `${from + 1000 * i}: ${members}`)
  expect(schedule({ blocks: 20, options, requests })).toEqual([
    // 0 takes 5 of 20 tokens and reserves 8 in this step. 1 asks for 4 + 8 ≥ 20 − 5 − 8: no token, full [5, 6].
    '0: 0×5',
    // A batch that was empty before is replaced, so it is not full [6]. Now 0 counts (8 − 1) × 0.07 = 0.49: 4 + 8 < 15 − 0.49, and 1 is
    // admitted; 2 asks for 12 ≥ 11 − 8.49, full.
    '1000: 1×4',
    // 9 tokens are used, and two more with each step.
    ...decode('0×1 1×1', 2000, 6000),
    // 19 are used, one is free, two are needed. Both have O = 6, and 0 has the longer prompt [8]. Its 10 tokens are free now. The ratio
    // is (6 + 20) ÷ (8 + 1) > 1, so 1.
    '7000: 1×1, preempts 0',
    // 2 is before 0 now: 4 + 8 ≥ 10 − 1 · 1, full.
    '8000: 1×1',
    // Nobody runs: 2 fits at all, so it is taken. 0 asks for P + O + M − O = 13 ≥ 16 − 8.
    '9000: 2×4',
    // 0: 13 ≥ 16 − 7 × 0.9998.
    ...decode('2×1', 10_000, 16_000),
    // 0 computes prompt and output again, 5 + 6 tokens, which yields its seventh.
    '17000: 0×11',
    '18000: 0×1',
    '19000: nothing',
  ])
})

it('lets decodes take part in steps with prompts when mixed, at the expense of the chunk', () => {
  const options = { chunkedPrefillSize: 8, enableMixedChunk: true, disableOverlapSchedule: true }
  const requests = [
    { arrivalNs: 0, promptTokens: 4, outputTokens: 4 },
    { arrivalNs: 500, promptTokens: 12, outputTokens: 2 },
  ]
  expect(schedule({ options, requests })).toEqual(['0: 0×4', '1000: 1×7 0×1', '2000: 1×5 0×1', '3000: 0×1 1×1', '4000: nothing'])
})

it('takes several prompts up to maxPrefillTokens, or a longer one alone, where prompts are not cut', () => {
  const options = { chunkedPrefillSize: -1, maxPrefillTokens: 10, disableOverlapSchedule: true }
  const requests = [4, 5, 3, 30, 2].map((promptTokens) => ({ arrivalNs: 0, promptTokens, outputTokens: 1 }))
  // 3 ≥ 10 − 9 goes to the next step, and 30 ≥ 10 − 3 to the one behind that.
  expect(schedule({ options, requests })).toEqual(['0: 0×4 1×5', '1000: 2×3', '2000: 3×30', '3000: 4×2', '4000: nothing'])
})

it('cuts a prompt at the end of a block', () => {
  const options = { chunkedPrefillSize: 16, blockSizeTokens: 8, disableOverlapSchedule: true }
  const requests = [3, 20].map((promptTokens) => ({ arrivalNs: 0, promptTokens, outputTokens: 1 }))
  // 3 tokens count as 8, so 8 are left.
  expect(schedule({ options, requests })).toEqual(['0: 0×3 1×8', '1000: 1×12', '2000: nothing'])
})

describe('with a prefix cache', () => {
  const ids = new PrefixIds()
  /** Four tokens for each letter. */
  const prompt = (text: string, arrivalNs: number) => ({
    arrivalNs,
    promptTokens: 4 * text.length + 1,
    outputTokens: 1,
    prefixIds: ids.of(text),
  })

  it('admits the longest match first, and last what shares a prefix with one that waits before it', () => {
    const options = { schedulePolicy: 'lpm', maxRunningRequests: 1, disableOverlapSchedule: true }
    const requests = [
      prompt('aaaaaaaaaa', 0),
      prompt('bbbbbbbbbb', 500),
      prompt('bbbbbbbbbc', 500),
      prompt('cccccccccc', 500),
      prompt('aaaaaaaaaaa', 500),
    ]
    expect(schedule({ options, requests, caching: true })).toEqual([
      '0: 0×41',
      // Hits: 40 of 4, none of the others; 2 shares 36 ≥ 32 tokens with 1 and goes last [9].
      '1000: 4×5',
      '2000: 1×41',
      // Now 2 has a hit of 36, and no reason to wait.
      '3000: 2×5',
      '4000: 3×41',
      '5000: nothing',
    ])
  })

  it('serves first come, first served, where more than 128 wait', () => {
    const options = { schedulePolicy: 'lpm', maxRunningRequests: 1, disableOverlapSchedule: true }
    const others = Array.from({ length: 128 }, () => ({ arrivalNs: 500, promptTokens: 1, outputTokens: 1 }))
    const requests = [prompt('aaaaaaaaaa', 0), ...others, prompt('aaaaaaaaaaa', 500)]
    // 129 wait after the first step, 128 after the second: request 129, with its hit, is the first to be served then.
    expect(schedule({ options, requests, caching: true }).slice(0, 4)).toEqual(['0: 0×41', '1000: 1×1', '2000: 129×5', '3000: 2×1'])
  })

  it('hits nothing that the same step computes, but what steps before it computed', () => {
    const options = { disableOverlapSchedule: true }
    const requests = [prompt('aaaaaaaaaa', 0), prompt('aaaaaaaaaa', 0), prompt('aaaaaaaaaa', 500)]
    expect(schedule({ options, requests, caching: true })).toEqual(['0: 0×41 1×41', '1000: 2×1', '2000: nothing'])
  })

  it('hits earlier chunks of a prompt as soon as its next chunk is scheduled', () => {
    const options = { chunkedPrefillSize: 24, disableOverlapSchedule: true }
    const requests = [prompt('aaaaaaaaaa', 0), prompt('aaaaabbbbb', 0)]
    // 24 tokens of 0 are computed; 1 shares 20 of them, and the chunk has 24 − 17 left.
    expect(schedule({ options, requests, caching: true })).toEqual(['0: 0×24', '1000: 0×17 1×7', '2000: 1×14', '3000: nothing'])
  })
})

it('finds in the cache what a retracted request computed of its prompt, but not what it generated', () => {
  const ids = new PrefixIds()
  const options = { scheduleConservativeness: 0.1, disableOverlapSchedule: true }
  const requests = [8, 4].map((promptTokens, i) => ({ arrivalNs: 0, promptTokens, outputTokens: 10, prefixIds: ids.of(`${i}bcde`) }))
  const { forms, simulation } = recordSchedule(scenario({ blocks: 24, options, requests, caching: true }))
  const retraction = forms.find(({ preempted }) => preempted.length > 0)!
  expect(retraction.preempted).toEqual([0])
  const [, again] = forms
    .filter(({ scheduled }) => scheduled.some(([r, tokens]) => r === 0 && tokens > 1))
    .map(({ scheduled }) => scheduled)
  // Of 8 prompt tokens none is lost: 1 takes 13 of 24 tokens. What is computed again is its output.
  const kept = forms.filter(({ timeNs, scheduled }) => timeNs < retraction.timeNs && scheduled.some(([r]) => r === 0)).length
  expect(again).toEqual([[0, kept]])
  expect(simulation.results.finished).toBe(2)
})

// A retraction raises the estimate to what the kept requests have shown, so that others are admitted late rather than retracted again.
it('serves many requests that need eight times the memory, with few retractions', () => {
  const requests = Array.from({ length: 24 }, (_, i) => ({ arrivalNs: i, promptTokens: 2, outputTokens: 62 }))
  const { results } = runChecked(scenario({ blocks: 193, options: { scheduleConservativeness: 0.02 }, requests }))
  expect(results.finished).toBe(requests.length)
  expect(results.preemptions).toBeGreaterThan(0)
  expect(results.preemptions).toBeLessThan(requests.length)
})
