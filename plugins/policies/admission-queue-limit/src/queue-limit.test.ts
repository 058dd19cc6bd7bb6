import { type ListedRequest, runChecked, smallScenario } from '@servesim/testkit'
import { expect, test } from 'vitest'
import { queueLimit } from './index.js'

/** Prompts of four tokens that keep a replica's only slot for some thousand ns. */
const requests = (count: number, rest: Partial<ListedRequest> = {}): ListedRequest[] =>
  Array.from({ length: count }, (_, i) => ({ arrivalNs: 10 * i, promptTokens: 4, outputTokens: 5, ...rest }))

function run(options: object, listed: ListedRequest[]) {
  const pool = { scheduler: { use: 'toy-scheduler', maxNumSeqs: 1 } }
  const admission = [{ use: 'queue-limit', ...options }]
  return runChecked(smallScenario({ plugins: [queueLimit], requests: listed, admission, pool })).results
}

test('requests beyond the limit are refused, with the numbers', () => {
  const { finished, refused } = run({ maxWaiting: 2 }, requests(6))
  // The first runs, two wait: the fourth finds the queue full.
  expect(finished).toBe(3)
  expect(refused.map((r) => r.arrivalIndex)).toEqual([3, 4, 5])
  expect(refused[0]!.reason).toBe('2 requests wait and 1 run on 1 replicas, and 0 wait at the door')
})

test('requests that wait at the door are let in as others leave, in order', () => {
  const { finished, refused, requests: rows } = run({ maxInFlight: 1, maxQueued: 3 }, requests(6))
  expect(finished).toBe(4)
  expect(refused.map((r) => r.arrivalIndex)).toEqual([4, 5])
  expect(Array.from(rows.column('arrivalIndex'))).toEqual([0, 1, 2, 3])
  // One at a time: each is queued when the one before it ends.
  const [queued, last] = [rows.column('queuedNs'), rows.column('lastTokenNs')]
  for (let i = 1; i < 4; i++) expect(queued[i]).toBe(last[i - 1])
})

test('urgent requests are let in whatever waits', () => {
  const listed = requests(6).map((request, i) => ({ ...request, priority: i === 5 ? -1 : 0 }))
  const { refused } = run({ maxWaiting: 1, sparePriority: -1 }, listed)
  expect(refused.map((r) => r.arrivalIndex)).toEqual([2, 3, 4])
})

test('a limit that is never reached changes nothing', () => {
  const plain = runChecked(smallScenario({ requests: requests(6), pool: { scheduler: { use: 'toy-scheduler', maxNumSeqs: 1 } } })).results
  const limited = run({ maxWaiting: 100 }, requests(6))
  expect(Array.from(limited.requests.column('lastTokenNs'))).toEqual(Array.from(plain.requests.column('lastTokenNs')))
})
