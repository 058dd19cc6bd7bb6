import type { ScenarioInput, Simulation } from '@servesim/core'
import { type ListedRequest, runChecked, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { plugins } from './random-scenario.js'

/** A step of n tokens and s sequences takes 1000 + 7 s + 20 n ns: two layers at 10 ns a token. */
const device = { use: 'toy-device', stepNs: 1000, sequenceNs: 7, tokenNs: 10, contextNs: 0 }
const stepNs = (tokens: number, sequences = 1) => 1000 + 7 * sequences + 20 * tokens

type Rest = Partial<Omit<ScenarioInput, 'pools' | 'workload'>>
type Pool = Partial<ScenarioInput['pools'][number]>

function run(requests: ListedRequest[], scheduler: object = {}, rest: Rest = {}, pool: Pool = {}): Simulation {
  const vllm = { use: 'vllm', blockSizeTokens: 4, maxNumBatchedTokens: 64, asyncScheduling: false, ...scheduler }
  return runChecked(smallScenario({ plugins, requests, ...rest, pool: { device, scheduler: vllm, ...pool } }), { stretches: false })
}

describe('a request that ends by its end of sequence', () => {
  const eos = { arrivalNs: 0, promptTokens: 4, outputTokens: 3, outputLimitTokens: 10 }

  it('ends at that token, and costs no step more where steps are formed one at a time', () => {
    const { results, units } = run([eos])
    expect(Array.from(results.requests.column('outputTokens'))).toEqual([3])
    expect(results.requests.column('lastTokenNs')[0]).toBe(stepNs(4) + 2 * stepNs(1))
    expect(units[0]!.steps).toBe(3)
  })

  it('costs one token for nobody where the next step is formed before it is seen', () => {
    const { results, units } = run([eos], { asyncScheduling: true })
    expect(results.requests.column('lastTokenNs')[0]).toBe(stepNs(4) + 2 * stepNs(1))
    expect(units[0]!.steps).toBe(4)
    expect(results.outputTokens).toBe(3)
    // Its length is foreseen: no step is formed for nobody.
    expect(run([{ ...eos, outputLimitTokens: 3 }], { asyncScheduling: true }).units[0]!.steps).toBe(3)
  })

  it('frees its blocks when it is seen to end, though the step behind still computes for it', () => {
    // Four blocks: the second request needs three of them, which the first holds until its third token. It is formed at that instant.
    const second = { arrivalNs: 1, promptTokens: 12, outputTokens: 1 }
    const { results } = run([eos, second], { asyncScheduling: true }, { latencyFrom: 'arrival' }, { memory: { numGpuBlocksOverride: 5 } })
    const firstEnds = stepNs(4) + 2 * stepNs(1)
    expect(results.requests.column('firstScheduledNs')[1]).toBe(firstEnds)
    expect(results.requests.column('firstTokenNs')[1]).toBe(firstEnds + stepNs(1) + stepNs(12))
  })
})

describe('a client that goes away', () => {
  const long = { arrivalNs: 0, promptTokens: 4, outputTokens: 50 }

  it('is noticed between steps, and its request leaves with what it has got', () => {
    const cancelNs = stepNs(4) + 3 * stepNs(1) + 1
    const { results, units } = run([{ ...long, cancelNs }])
    expect(results.unserved).toEqual([{ kind: 'aborted', arrivalIndex: 0, timeNs: stepNs(4) + 4 * stepNs(1), outputTokens: 5 }])
    expect(units[0]!.steps).toBe(5)
    expect(results.requests.length).toBe(0)
  })

  it('goes from the queue, from the middle of a prompt, and from the door alike', () => {
    const requests = [long, { ...long, cancelNs: 30 }, { ...long, promptTokens: 50, cancelNs: stepNs(4) + 30 }]
    const { results } = run(requests, { maxNumSeqs: 2, maxNumBatchedTokens: 8 })
    expect(results.unserved.map((u) => [u.arrivalIndex, u.outputTokens])).toEqual([
      [1, 1],
      [2, 0],
    ])
    const admission = [{ use: 'queue-limit', maxInFlight: 1, maxQueued: 9 }]
    const atDoor = run([long, { ...long, arrivalNs: 5, cancelNs: 77 }], {}, { admission }).results
    expect(atDoor.unserved).toEqual([{ kind: 'aborted', arrivalIndex: 1, timeNs: 77, outputTokens: 0 }])
    expect(atDoor.finished).toBe(1)
  })

  it('is no matter where the request ended before', () => {
    const { results } = run([{ ...long, outputTokens: 2, cancelNs: 1e9 }])
    expect([results.finished, results.unserved.length]).toEqual([1, 0])
  })

  it('waits as long as the scenario says: for the first token, and for the last', () => {
    const seconds = (ns: number) => ns / 1e9
    const late = { arrivalNs: 0, promptTokens: 4, outputTokens: 3 }
    const firstToken = run([long, late], { maxNumSeqs: 1 }, { client: { firstTokenTimeoutS: seconds(5000) } }).results
    expect(firstToken.unserved.map((u) => [u.arrivalIndex, u.timeNs >= 5000, u.outputTokens])).toEqual([[1, true, 0]])
    expect(firstToken.finished).toBe(1)
    const last = run([long, late], {}, { client: { timeoutS: seconds(20_000) } }).results
    expect(last.unserved.map((u) => u.arrivalIndex)).toEqual([0])
    expect(last.finished).toBe(1)
  })
})

describe('a replica that dies', () => {
  const requests = Array.from({ length: 8 }, (_, i) => ({ arrivalNs: i, promptTokens: 4, outputTokens: 20 }))
  const two = { count: 2 }
  const router = { use: 'round-robin' }
  const kill = (atNs: number, replica = 0) => ({ atS: atNs / 1e9, replica, action: 'kill' as const })
  const faults = (...events: object[]) => [{ use: 'faults', events }]

  it('loses no request and no token: they go on elsewhere with what they have got', () => {
    const { results, units } = run(requests, {}, { router, controllers: faults(kill(10_000)) }, two)
    expect(results.finished).toBe(8)
    expect(results.outputTokens).toBe(160)
    expect(Array.from(results.requests.column('replica'))).toEqual(Array(8).fill(1))
    expect(units[0]!.finished).toBe(0)
    // The prompt and the tokens so far are computed again; no first token is counted twice.
    expect(results.itl.count).toBe(152)
    expect(results.requests.column('firstTokenNs').every((ns) => ns < 10_000)).toBe(true)
  })

  it('fails its requests where nothing takes over', () => {
    const { results } = run(requests, {}, { router, controllers: faults(kill(10_000)), lostRequests: 'fail' }, two)
    expect(results.unserved.map((u) => [u.kind, u.arrivalIndex, u.timeNs])).toEqual([0, 2, 4, 6].map((i) => ['lost', i, 10_000]))
    expect(results.finished).toBe(4)
  })

  it('comes up empty, and takes requests again', () => {
    const start = { atS: 1e-3, replica: 0, action: 'start' as const }
    const later = requests.map((request) => ({ ...request, arrivalNs: request.arrivalNs + 2_000_000 }))
    const { results } = run([...requests, ...later], {}, { router, controllers: faults(kill(10_000), start) }, two)
    expect(results.finished).toBe(16)
    const replicas = Array.from(results.requests.column('replica'))
    expect(replicas.slice(8).sort()).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
  })

  it('keeps requests waiting at the door while there is no other, and loses them where none comes up', () => {
    const start = { atS: 1e-3, replica: 0, action: 'start' as const }
    const { results } = run(requests, {}, { controllers: faults(kill(10_000), start) })
    expect(results.finished).toBe(8)
    expect(results.requests.column('lastTokenNs').every((ns) => ns > 1e6)).toBe(true)
    const never = run(requests, {}, { controllers: faults(kill(10_000)) }).results
    expect([never.finished, never.unservedCounts.lost]).toEqual([0, 8])
  })

  it('drains without losing anything', () => {
    const drain = { atS: 10_000 / 1e9, replica: 0, action: 'drain' as const }
    const later = requests.map((request) => ({ ...request, arrivalNs: request.arrivalNs + 20_000 }))
    const { results } = run([...requests, ...later], {}, { router, controllers: faults(drain) }, two)
    expect(results.finished).toBe(16)
    expect(results.preemptions).toBe(0)
    expect(Array.from(results.requests.column('replica')).filter((replica) => replica === 0)).toHaveLength(4)
  })

  it('dies at random as often as it should', () => {
    // 60 ms of work, a death every 5 ms of life on average, repair in 1 ms: some ten deaths, and nobody is lost.
    const many = Array.from({ length: 600 }, (_, i) => ({ arrivalNs: 100_000 * i, promptTokens: 4, outputTokens: 20 }))
    const random = [{ use: 'faults', meanTimeBetweenFailuresS: 0.005, meanTimeToRepairS: 0.001 }]
    const { results } = run(many, {}, { router, controllers: random }, two)
    expect(results.finished).toBe(600)
  })
})
