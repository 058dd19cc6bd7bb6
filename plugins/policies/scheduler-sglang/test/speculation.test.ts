import { createSimulation, type SimulationInput } from '@servesim/core'
import { type ListedRequest, recordSchedule, runChecked, smallScenario } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { sglangScheduler } from '../src/index.js'

/*
 * Schedules with drafted tokens, worked out by hand. Every step takes 1000 ns; blocks hold one token. Drafts come by twos; where a request has
 * generated o tokens, entry o modulo 4 of 0, 0, 1, 2 says how many are kept. P prompt, O output so far, C computed.
 */

const device = { use: 'toy-device', stepNs: 1000, tokenNs: 0, sequenceNs: 0, contextNs: 0 }
const drafts = { use: 'toy-drafts', maxDrafts: 2, lookaheadSlots: 2, accepted: [0, 0, 1, 2] }

function scenario(requests: ListedRequest[], blocks: number, options: Record<string, unknown> = {}): SimulationInput {
  const scheduler = { use: 'sglang', disableOverlapSchedule: true, chunkedPrefillSize: 16, ...options }
  const pool = { device, maxModelLenTokens: blocks, scheduler, techniques: [drafts] }
  return smallScenario({ plugins: [sglangScheduler], requests, blocks, pool })
}

function schedule(input: SimulationInput): string[] {
  return recordSchedule(input).forms.map(({ timeNs, scheduled, preempted }) => {
    const members = scheduled.map(([request, tokens]) => `${request}×${tokens}`).join(' ')
    return `${timeNs}: ${members === '' ? 'nothing' : members}${preempted.length > 0 ? `, preempts ${preempted.join(' ')}` : ''}`
  })
}

/** Free blocks after the last event of each instant that changed them. */
function freeBlocks(input: SimulationInput): string[] {
  const simulation = createSimulation(input)
  const lines: string[] = []
  let free = -1
  for (let done = false; !done; ) {
    done = simulation.advance({ maxEvents: 1 })
    const now = simulation.units[0]!.kv.free
    if (now !== free) lines.push(`${simulation.now}: ${now}`)
    free = now
  }
  return lines
}

it('verifies the drafts of all who decode in one step, and frees what was rejected', () => {
  const requests = [
    { arrivalNs: 0, promptTokens: 5, outputTokens: 9 },
    { arrivalNs: 500, promptTokens: 3, outputTokens: 6 },
    { arrivalNs: 3500, promptTokens: 2, outputTokens: 2 },
  ]
  const input = scenario(requests, 60)
  expect(schedule(input)).toEqual([
    '0: 0×5',
    // Prompts go first, alone.
    '1000: 1×3',
    '2000: 0×3 1×3',
    '3000: 0×3 1×3',
    '4000: 2×2',
    '5000: 0×3 1×3 2×3',
    // 2 had but one token to go.
    '6000: 0×3 1×3',
    '7000: 0×3',
    '8000: 0×3',
    '9000: nothing',
  ])
  expect(freeBlocks(input)).toEqual([
    '0: 60',
    '0: 55',
    '1000: 52',
    '2000: 46',
    // Both had O = 1: nothing kept, two blocks of each come back.
    '3000: 50',
    '3000: 44',
    // O = 2: one of two kept.
    '4000: 46',
    '4000: 44',
    '5000: 35',
    // O = 4, 4: nothing kept, four blocks; and the five of request 2, which has ended.
    '6000: 44',
    '6000: 38',
    // O = 5: two of request 0; request 1 has its sixth token, ten blocks.
    '7000: 50',
    '7000: 47',
    '8000: 48',
    '8000: 45',
    '9000: 60',
  ])
  runChecked(input)
})

it('retracts where a step lacks room for tokens to verify and for those that drafting writes', () => {
  const requests = [5, 4, 4].map((promptTokens) => ({ arrivalNs: 0, promptTokens, outputTokens: 8 }))
  const input = scenario(requests, 20, { scheduleConservativeness: 0.1 })
  expect(schedule(input)).toEqual([
    '0: 0×5',
    '1000: 1×4',
    '2000: 0×3 1×3',
    // C is 6 and 5, nine blocks are free; 3 + 2 more of each are needed. Both have O = 2, 0 the longer prompt.
    '3000: 1×3, preempts 0',
    '4000: 1×3',
    '5000: 1×3',
    '6000: 1×3',
    '7000: 2×4',
    ...[8, 9, 10, 11, 12].map((ms) => `${1000 * ms}: 2×3`),
    // Prompt and output again, 5 + 2 tokens, and without drafts.
    '13000: 0×7',
    '14000: 0×3',
    '15000: 0×3',
    '16000: nothing',
  ])
  runChecked(input)
})

it('mixes no decodes with prompts where it speculates', () => {
  const requests = [
    { arrivalNs: 0, promptTokens: 4, outputTokens: 4 },
    { arrivalNs: 500, promptTokens: 12, outputTokens: 2 },
  ]
  expect(schedule(scenario(requests, 60, { enableMixedChunk: true }))).toEqual(schedule(scenario(requests, 60)))
})
