import { type ListedRequest, type RecordedForm, recordSchedule, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { vllmScheduler } from '../src/index.js'

/*
 * Schedules worked out by hand from the rules of vLLM's V1 scheduler (sections of the project's reference on vLLM in brackets). Every step
 * takes 1000 ns. P prompt, M output limit, O output so far, T = P + O, C computed, H tokens in flight; a block holds 4 tokens.
 */

const device = { use: 'toy-device', stepNs: 1000, tokenNs: 0, sequenceNs: 0, contextNs: 0 }

interface Case {
  requests: ListedRequest[]
  /** KV blocks that requests can use. */
  usableBlocks?: number
  options: Record<string, unknown>
  maxModelLenTokens?: number
}

function run({ requests, usableBlocks = 100, options, maxModelLenTokens = 400 }: Case) {
  const pool = { device, maxModelLenTokens, scheduler: { use: 'vllm', blockSizeTokens: 4, ...options } }
  return recordSchedule(smallScenario({ plugins: [vllmScheduler], requests, blocks: usableBlocks + 1, pool }))
}

/** `2000: 0×1 2×3, preempts 1`: formed at 2000 ns with one token of request 0 and three of request 2. */
function lines(forms: RecordedForm[]): string[] {
  return forms.map(({ timeNs, scheduled, preempted }) => {
    const members = scheduled.map(([request, tokens]) => `${request}×${tokens}`).join(' ')
    return `${timeNs}: ${members === '' ? 'nothing' : members}${preempted.length > 0 ? `, preempts ${preempted.join(' ')}` : ''}`
  })
}

it('follows the two-deep pipeline of asynchronous scheduling: chunks, slots, idle starts', () => {
  const { forms, simulation } = run({
    options: { maxNumBatchedTokens: 8, maxNumSeqs: 2 },
    requests: [
      { arrivalNs: 0, promptTokens: 12, outputTokens: 4 },
      { arrivalNs: 0, promptTokens: 4, outputTokens: 2 },
      { arrivalNs: 1500, promptTokens: 3, outputTokens: 2 },
      { arrivalNs: 1500, promptTokens: 2, outputTokens: 1 },
      { arrivalNs: 6500, promptTokens: 1, outputTokens: 4 },
      { arrivalNs: 20_000, promptTokens: 2, outputTokens: 3 },
      { arrivalNs: 20_001, promptTokens: 9, outputTokens: 1 },
    ],
  })
  expect(lines(forms)).toEqual([
    // Step 1 starts at once on an idle engine; the prompt of 0 is cut to the budget [1.4.4]. The queue is not full, so step 2 is formed at
    // the same instant [3.5]: the rest of 0, and 1 with what is left of the budget.
    '0: 0×8',
    '0: 0×4 1×4',
    // Step 3 is formed when step 2 starts, with a placeholder each: n = T + H − C = 1 [1.2b].
    '1000: 0×1 1×1',
    // 2 and 3 arrived during step 2 and are drained at its end, but both slots are taken. 1: C + 2 − H = 5 + 2 − 1 ≥ P + M = 6, its last
    // token is in flight [1.2a]; it keeps its slot.
    '2000: 0×1',
    // 1 finished with step 3; its slot is filled in step 5 = 3 + 2 [3.5].
    '3000: 0×1 2×3',
    // 0: 15 + 2 − 1 ≥ 16. 2 decodes behind its placeholder.
    '4000: 2×1',
    // 0 finished with step 5. 2: 4 + 2 − 1 ≥ 5.
    '5000: 3×2',
    // 3 has one output token, and it is in flight: nothing to run, no step is queued.
    '6000: nothing',
    // So 4, which arrived during step 7, runs right behind it in step 8 [3.5, empty next step], and step 9 is formed at once.
    '7000: 4×1',
    '7000: 4×1',
    '8000: 4×1',
    '9000: 4×1',
    '10000: nothing',
    '11000: nothing',
    // A burst at an idle engine is split: 5 alone in two steps, and 6, a nanosecond later, in the third, cut to the budget of 7.
    '20000: 5×2',
    '20000: 5×1',
    '21000: 5×1 6×7',
    '22000: 6×2',
    '23000: nothing',
    '24000: nothing',
  ])
  const { requests } = simulation.results
  expect(Array.from(requests.column('arrivalIndex'))).toEqual([1, 0, 2, 3, 4, 5, 6])
  expect(Array.from(requests.column('firstTokenNs'))).toEqual([2000, 2000, 5000, 7000, 8000, 21_000, 24_000])
  expect(Array.from(requests.column('lastTokenNs'))).toEqual([3000, 5000, 6000, 7000, 11_000, 23_000, 24_000])
})

it('schedules an arrival in the next step and refills a slot in the next step without asynchronous scheduling', () => {
  const { forms } = run({
    options: { maxNumBatchedTokens: 8, maxNumSeqs: 1, asyncScheduling: false },
    requests: [
      { arrivalNs: 0, promptTokens: 4, outputTokens: 2 },
      { arrivalNs: 1500, promptTokens: 4, outputTokens: 1 },
    ],
  })
  expect(lines(forms)).toEqual(['0: 0×4', '1000: 0×1', '2000: 1×4', '3000: nothing'])
})

describe('preemption, first come, first served', () => {
  it('takes the request admitted last, admits nothing in that step, and starts it over from prompt and output', () => {
    const request = { arrivalNs: 0, promptTokens: 7, outputTokens: 6 }
    const { forms, simulation } = run({
      usableBlocks: 6,
      options: { maxNumBatchedTokens: 16, asyncScheduling: false },
      requests: [request, request, request],
    })
    expect(lines(forms)).toEqual([
      // Blocks 2 + 2 + 1 of 6; the last prompt is cut to the budget.
      '0: 0×7 1×7 2×2',
      '1000: 0×1 1×1 2×5',
      // 0 needs a third block for its ninth token, none is free: 2 goes, and 1 takes the other block.
      '2000: 0×1 1×1, preempts 2',
      // T = 8 of request 2 needs two blocks, none is free.
      '3000: 0×1 1×1',
      '4000: 0×1 1×1',
      '5000: 0×1 1×1',
      // C was set to 0 and O kept: 7 + 1 tokens are computed again, and yield the second output token.
      '6000: 2×8',
      '7000: 2×1',
      '8000: 2×1',
      '9000: 2×1',
      '10000: 2×1',
      '11000: nothing',
    ])
    expect(Array.from(simulation.results.requests.column('preemptions'))).toEqual([0, 0, 1])
  })

  it('puts the last of several victims at the very head of the queue', () => {
    const { forms } = run({
      usableBlocks: 4,
      options: { maxNumBatchedTokens: 16, longPrefillTokenThreshold: 8, asyncScheduling: false },
      requests: [
        { arrivalNs: 0, promptTokens: 15, outputTokens: 1 },
        { arrivalNs: 0, promptTokens: 3, outputTokens: 2 },
        { arrivalNs: 0, promptTokens: 3, outputTokens: 2 },
      ],
    })
    // The second chunk of 0 needs two blocks, and a victim frees one.
    expect(lines(forms).slice(0, 3)).toEqual(['0: 0×8 1×3 2×3', '1000: 0×7, preempts 2 1', '2000: 1×4 2×4'])
  })
})

describe('preemption by priority', () => {
  it('takes the least urgent request, and what it had got in this step goes back', () => {
    const { forms } = run({
      usableBlocks: 4,
      options: { maxNumBatchedTokens: 16, policy: 'priority', asyncScheduling: false },
      requests: [
        { arrivalNs: 0, promptTokens: 4, outputTokens: 4, priority: 9 },
        { arrivalNs: 500, promptTokens: 7, outputTokens: 4, priority: 0 },
      ],
    })
    expect(lines(forms)).toEqual([
      '0: 0×4',
      '1000: 0×1 1×7',
      '2000: 0×1 1×1',
      // 1 needs a third block; 0 had been scheduled before it in this very step.
      '3000: 1×1, preempts 0',
      '4000: 1×1',
      '5000: 0×7',
      '6000: nothing',
    ])
  })

  // The victim stood before the current request but had got no tokens: its last one is in flight (C + 2 − H = 5 + 2 − 1 ≥ 3 + 3). 0.19
  // leaves the index alone then, so that the request behind the current one is skipped; later releases step back [1.2i].
  const requests = [
    { arrivalNs: 0, promptTokens: 3, outputTokens: 3, priority: 9 },
    { arrivalNs: 500, promptTokens: 4, outputTokens: 2 },
    { arrivalNs: 500, promptTokens: 2, outputTokens: 2 },
    { arrivalNs: 500, promptTokens: 2, outputTokens: 2 },
  ]

  it.each([
    ['0.19', '2000: 1×1 3×1, preempts 0'],
    ['0.28', '2000: 1×1 2×1 3×1, preempts 0'],
  ])('steps back over a victim without tokens as release %s does', (release, third) => {
    const { forms, simulation } = run({ usableBlocks: 5, options: { maxNumBatchedTokens: 16, policy: 'priority', release }, requests })
    expect(lines(forms).slice(0, 4)).toEqual(['0: 0×3', '0: 0×1', '1000: 0×1 1×4 2×2 3×2', third])
    // The token that was in flight when 0 was preempted is still accepted, and it was its last.
    const first = (['arrivalIndex', 'lastTokenNs', 'preemptions'] as const).map((name) => simulation.results.requests.column(name)[0])
    expect(first).toEqual([0, 3000, 1])
  })
})

describe('admission', () => {
  const requests = [
    { arrivalNs: 0, promptTokens: 8, outputTokens: 2 },
    { arrivalNs: 0, promptTokens: 16, outputTokens: 1 },
  ]
  const options = { maxNumBatchedTokens: 8, asyncScheduling: false }

  it('waits until blocks for the whole prompt are free, though only its first chunk gets them', () => {
    // In step 2 request 0 takes its third block of 5; the prompt of 1 needs 4.
    const { forms } = run({ usableBlocks: 5, options, requests })
    expect(lines(forms)).toEqual(['0: 0×8', '1000: 0×1', '2000: 1×8', '3000: 1×8', '4000: nothing'])
  })

  it('looks at the first chunk alone without that reservation', () => {
    const { forms } = run({ usableBlocks: 5, options: { ...options, schedulerReserveFullIsl: false }, requests })
    expect(lines(forms)).toEqual(['0: 0×8', '1000: 0×1 1×7', '2000: 1×8', '3000: 1×1', '4000: nothing'])
  })

  it('leaves the watermark free beside running requests, but not for the first', () => {
    // ⌊0.5 × (1 + 5)⌋ = 3 blocks: 0 may take 2 of 5 at first, while 1 would leave 2 of the 3 that are free.
    const short = [requests[0]!, { arrivalNs: 0, promptTokens: 4, outputTokens: 1 }]
    const { forms } = run({ usableBlocks: 5, options: { ...options, watermark: 0.5 }, requests: short })
    expect(lines(forms)).toEqual(['0: 0×8', '1000: 0×1', '2000: 1×4', '3000: nothing'])
  })

  it('stops at a prompt that must not be cut and does not fit the budget', () => {
    const { forms } = run({
      options: { ...options, maxNumBatchedTokens: 20, enableChunkedPrefill: false },
      requests: [
        { arrivalNs: 0, promptTokens: 8, outputTokens: 1 },
        { arrivalNs: 0, promptTokens: 16, outputTokens: 1 },
        { arrivalNs: 0, promptTokens: 1, outputTokens: 1 },
      ],
      maxModelLenTokens: 20,
    })
    // Request 2 would fit the first step, but 1 is before it.
    expect(lines(forms)).toEqual(['0: 0×8', '1000: 1×16 2×1', '2000: nothing'])
  })

  it('takes the most urgent first under priority, then the first to arrive', () => {
    const { forms } = run({
      options: { maxNumBatchedTokens: 64, maxNumSeqs: 3, policy: 'priority', asyncScheduling: false },
      requests: [2, 1, 0, 1].map((priority) => ({ arrivalNs: 0, promptTokens: 4, outputTokens: 1, priority })),
    })
    expect(lines(forms)).toEqual(['0: 2×4 1×4 3×4', '1000: 0×4', '2000: nothing'])
  })
})
