import { type RecordedForm, recordSchedule, smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { vllmScheduler } from '../src/index.js'

/*
 * Schedules of two pipeline stages worked out by hand (section 3.3 of the project's reference on vLLM: a queue of as many steps as stages,
 * one more with asynchronous scheduling; a request whose token is in flight has n = 0). A stage takes 100 ns a token. Names as in the
 * golden schedules of one stage: P prompt, M output limit, T tokens known, C computed, H tokens in flight.
 */
function run(asyncScheduling: boolean) {
  const pool = {
    model: 'toy-deep',
    device: { use: 'toy-device', stepNs: 0, tokenNs: 25, sequenceNs: 0, contextNs: 0 },
    network: { use: 'toy-network', latencyNs: 0, byteNs: 0 },
    parallelism: { pipeline: 2 },
    maxModelLenTokens: 400,
    scheduler: { use: 'vllm', blockSizeTokens: 4, maxNumBatchedTokens: 4, maxNumSeqs: 3, asyncScheduling },
  }
  const requests = [
    { arrivalNs: 0, promptTokens: 6, outputTokens: 3 },
    { arrivalNs: 0, promptTokens: 2, outputTokens: 3 },
    { arrivalNs: 500, promptTokens: 4, outputTokens: 2 },
    { arrivalNs: 1950, promptTokens: 1, outputTokens: 3 },
  ]
  const { forms, simulation } = recordSchedule(smallScenario({ plugins: [vllmScheduler], requests, blocks: 101, pool }))
  const { requests: rows } = simulation.results
  expect(Array.from(rows.column('arrivalIndex'))).toEqual([2, 0, 1, 3])
  // Without host time there is nothing that asynchronous scheduling could hide: the tokens' instants are the same.
  expect(Array.from(rows.column('firstTokenNs'))).toEqual([1600, 1200, 1200, 2400])
  expect(Array.from(rows.column('lastTokenNs'))).toEqual([1900, 2200, 2200, 2800])
  expect(simulation.units[0]!.steps).toBe(9)
  return lines(forms)
}

/** `2000: 0×1 2×3`: formed at 2000 ns with one token of request 0 and three of request 2. */
function lines(forms: RecordedForm[]): string[] {
  return forms.map(({ timeNs, scheduled }) => {
    const members = scheduled.map(([request, tokens]) => `${request}×${tokens}`).join(' ')
    return `${timeNs}: ${members === '' ? 'nothing' : members}`
  })
}

it('fills two stages with different requests, and with chunks of one prompt', () => {
  expect(run(false)).toEqual([
    // Step 1: stages at 0–400 and 400–800. The queue holds two: step 2 is formed at once, with the next chunk of the same prompt. Its stages:
    // 400–800, 800–1200.
    '0: 0×4',
    '0: 0×2 1×2',
    // Step 1 is out. 0 and 1 have their tokens in flight in step 2, so only 2 takes part, drained now. 800–1200, 1200–1600.
    '800: 2×4',
    // Step 2 is out. 1200–1400, then 1600–1800: the second stage is busy with the prompt until then.
    '1200: 0×1 1×1',
    // Step 3 is out. 1600–1700, 1800–1900.
    '1600: 2×1',
    // Step 4 is out. 1800–2000, 2000–2200.
    '1800: 0×1 1×1',
    // Step 5 is out, and 2 with it; 0 and 1 are in step 6.
    '1900: nothing',
    // 3 arrived at 1950. The first stage was idle before, but the engine waits for its oldest step.
    '2200: 3×1',
    '2200: nothing',
    '2400: 3×1',
    '2400: nothing',
    '2600: 3×1',
    '2600: nothing',
    '2800: nothing',
  ])
})

it('forms one step more with asynchronous scheduling, of the requests in the oldest of a full pipeline', () => {
  expect(run(true)).toEqual([
    // The queue holds three. 0 and 1 are in the step before, whose tokens would not be out when a third step starts.
    '0: 0×4',
    '0: 0×2 1×2',
    '0: nothing',
    // Step 3 as above; behind it step 4 is formed already, two steps behind step 2: n = T + H − C = 1. It starts when step 2 is out, at 1200.
    '800: 2×4',
    '800: 0×1 1×1',
    // Step 5, behind step 3. 2: C + 2 − H = 4 + 2 − 1 < P + M = 6.
    '1200: 2×1',
    // Step 6. 0: 7 + 2 − 1 < 9, 1: 3 + 2 − 1 < 5.
    '1600: 0×1 1×1',
    // 2: 5 + 2 − 1 ≥ 6, its last token is in flight; those of 0 and 1 are in step 6.
    '1800: nothing',
    '1900: nothing',
    // A request alone: never two steps at once.
    '2200: 3×1',
    '2200: nothing',
    '2400: 3×1',
    '2400: nothing',
    '2600: 3×1',
    '2600: nothing',
    '2800: nothing',
  ])
})
