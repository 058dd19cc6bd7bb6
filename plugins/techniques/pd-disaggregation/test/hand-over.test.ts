import { createSimulation, type SimulationInput } from '@servesim/core'
import { runChecked } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { disaggregated, flowNs, plugins, stepNs } from './scenario.js'

/** An engine's loop that has nothing to run looks again after so long. */
const emptyTurnNs = 1_000_000

const one = { arrivalNs: 0, promptTokens: 8, outputTokens: 3 }

function run(input: SimulationInput) {
  const simulation = runChecked(input, { stretches: false })
  const { results, engine } = simulation
  const column = (name: Parameters<typeof results.requests.column>[0]) => Array.from(results.requests.column(name))
  return { simulation, results, column, counted: (name: string) => engine.counters.get(name)!.value }
}

describe('a request whose KV is pulled', () => {
  it('has its prompt computed, its KV read, its last prompt token computed again, and goes on there', () => {
    const { column, counted, simulation } = run(disaggregated({ requests: [one] }))
    // The decode engine looks at 1167, finds the request held, and looks again one empty turn later.
    const seenNs = stepNs(8) + emptyTurnNs
    expect(stepNs(8) + flowNs(8)).toBeLessThan(seenNs)
    expect(column('firstTokenNs')).toEqual([seenNs + stepNs(1)])
    expect(column('lastTokenNs')).toEqual([seenNs + 3 * stepNs(1)])
    // Its prompt was queued and scheduled where it was computed.
    expect(column('queuedNs')).toEqual([0])
    expect(column('firstScheduledNs')).toEqual([0])
    expect(column('replica')).toEqual([1])
    expect(counted('kvHandedOverBytes')).toBe(8 * 256)
    const { addedColumns } = simulation.results.requests
    expect(addedColumns.map(({ name, values }) => [name, Array.from(values)])).toEqual([['kvTransferNs', [flowNs(8)]]])
  })

  it('is read in whole blocks', () => {
    expect(run(disaggregated({ requests: [{ ...one, promptTokens: 9 }] })).counted('kvHandedOverBytes')).toBe(12 * 256)
  })

  it('is noticed when the step that runs ends, while others go on', () => {
    // The second prompt's KV comes while the first decodes: every step of those 60 is one decode.
    const requests = [
      { arrivalNs: 0, promptTokens: 4, outputTokens: 60 },
      { arrivalNs: emptyTurnNs, promptTokens: 40, outputTokens: 2 },
    ]
    const { results, column } = run(disaggregated({ requests }))
    const doneNs = emptyTurnNs + stepNs(40)
    const [second, first] = column('firstTokenNs')
    // Decode steps of the first request follow each other without a gap. At the end of one the second is taken in and its KV read, at the
    // end of another it is seen to have landed.
    const asked = Math.ceil((doneNs - first!) / stepNs(1))
    const steps = Math.ceil((asked * stepNs(1) + flowNs(40)) / stepNs(1))
    expect(second).toBe(first! + steps * stepNs(1) + stepNs(2, 2))
    expect(results.itl.minNs).toBe(stepNs(1))
  })

  it('needs nothing but what the decode replica has not cached', () => {
    const ids = [1, 2, 3, 4, 5]
    const requests = [
      { arrivalNs: 0, promptTokens: 20, outputTokens: 2, prefixIds: ids },
      { arrivalNs: 10 * emptyTurnNs, promptTokens: 20, outputTokens: 2, prefixIds: [1, 2, 3, 8, 9] },
      { arrivalNs: 20 * emptyTurnNs, promptTokens: 20, outputTokens: 2, prefixIds: [10, 11, 12, 13, 14] },
    ]
    const caching = { techniques: [{ use: 'prefix-caching', eviction: { use: 'lru' } }] }
    const { counted } = run(disaggregated({ requests, prefill: caching, decode: caching }))
    expect(counted('kvHandedOverBytes')).toBe((20 + 8 + 20) * 256)
    expect(run(disaggregated({ requests, prefill: caching })).counted('kvHandedOverBytes')).toBe(60 * 256)
  })

  it('stays with the decode pool where its prompt is short', () => {
    const { column, counted } = run(disaggregated({ requests: [one], options: { localBelowTokens: 9 } }))
    expect(column('firstTokenNs')).toEqual([stepNs(8)])
    expect(counted('localPrompts')).toBe(1)
    expect(counted('kvHandedOverBytes')).toBe(0)
  })

  it('travels between ranks of other numbers, all of it once', () => {
    const network = { use: 'toy-network' }
    const wide = { model: 'toy-deep', parallelism: { tensor: 4 }, network }
    const deep = { model: 'toy-deep', parallelism: { tensor: 1, pipeline: 2 }, network }
    const { counted, simulation } = run(disaggregated({ requests: [one], prefill: wide, decode: deep }))
    expect(counted('kvHandedOverBytes')).toBe(8 * 4 * 256)
    // Four ranks, each to two stages.
    expect(simulation.engine.transfers.count).toBe(8)
  })

  it('takes half as long on a link of twice the bandwidth', () => {
    const share = (byteNs: number) => {
      const fabric = { use: 'toy-fabric', latencyNs: 0, byteNs }
      const { results } = run(disaggregated({ requests: [one], rest: { fabric } }))
      return results.requests.addedColumns[0]!.values[0]!
    }
    expect(share(4)).toBe(2 * share(2))
  })
})

describe('a full decode pool', () => {
  // Two requests fill the decode replica's blocks; the others' KV waits where it was computed.
  const requests = Array.from({ length: 6 }, (_, i) => ({ arrivalNs: 10 * i, promptTokens: 16, outputTokens: 40 }))
  const decode = { memory: { numGpuBlocksOverride: 29 }, maxModelLenTokens: 100 }

  it('lets blocks pile up at the prefill replica, and drain', () => {
    const simulation = createSimulation(disaggregated({ requests, decode }))
    let most = 0
    while (!simulation.advance({ maxEvents: 1 })) most = Math.max(most, simulation.snapshot().replicas[0]!.usedBlocks)
    // Four of six prompts of four blocks wait when all are computed.
    expect(most).toBeGreaterThanOrEqual(16)
    expect(simulation.snapshot().replicas[0]!.usedBlocks).toBe(0)
    expect(simulation.results.finished).toBe(6)
  })

  it('holds the prefill replica up once its blocks are gone', () => {
    const roomy = run(disaggregated({ requests, decode })).column('firstScheduledNs')
    const tight = run(disaggregated({ requests, decode, prefill: { memory: { numGpuBlocksOverride: 13 } } })).column('firstScheduledNs')
    expect(Math.max(...tight)).toBeGreaterThan(Math.max(...roomy))
  })
})

describe('a hand-over layer by layer', () => {
  const early = { handover: 'layer-by-layer' }

  it('travels while the prompt is computed: it ends no earlier than the last layer and the wire allow', () => {
    for (const promptTokens of [4, 8, 20, 40, 150]) {
      for (const byteNs of [0.01, 1, 2, 30]) {
        const rest = { fabric: { use: 'toy-fabric', latencyNs: 100, byteNs } }
        const requests = [{ ...one, promptTokens }]
        const layered = run(disaggregated({ requests, options: early, rest }))
        const pulled = run(disaggregated({ requests, rest }))
        const taken = layered.results.requests.addedColumns[0]!.values[0]!
        // The load is asked for at time 0, when blocks are reserved and the prompt begins.
        const wireNs = 100 + byteNs * 256 * promptTokens
        let prefillNs = 0
        for (let left = promptTokens; left > 0; left -= 64) prefillNs += stepNs(Math.min(64, left))
        expect(taken).toBeGreaterThanOrEqual(Math.max(prefillNs, Math.round(100 + byteNs * 256 * Math.min(64, promptTokens))))
        expect(taken).toBeLessThanOrEqual(prefillNs + Math.ceil(wireNs) + 1)
        expect(layered.column('firstTokenNs')[0]).toBeLessThanOrEqual(pulled.column('firstTokenNs')[0]!)
        expect(layered.counted('kvHandedOverBytes')).toBe(pulled.counted('kvHandedOverBytes'))
      }
    }
  })

  it('begins with the prompt only when the decode replica has reserved its blocks', () => {
    // Two prompts of seven blocks fit; the third is looked at when one of those has ended.
    const requests = Array.from({ length: 3 }, (_, i) => ({ arrivalNs: 10 * i, promptTokens: 28, outputTokens: 30 }))
    const decode = { memory: { numGpuBlocksOverride: 17 }, maxModelLenTokens: 60 }
    const { column } = run(disaggregated({ requests, options: early, decode }))
    const [first, second, third] = column('firstScheduledNs').toSorted((a, b) => a - b)
    expect(first).toBe(0)
    expect(third! - second!).toBeGreaterThan(20 * stepNs(1))
  })
})

describe('a replica that dies', () => {
  const requests = Array.from({ length: 6 }, (_, i) => ({ arrivalNs: 2000 * i, promptTokens: 40, outputTokens: 20 }))
  const kill = (replica: number, atNs: number) => [{ use: 'faults', events: [{ atS: atNs / 1e9, replica, action: 'kill' }] }]
  const two = { count: 2 }

  it.each(['pull', 'layer-by-layer'])('while its KV is read (%s) loses no request', (handover) => {
    for (let atNs = 500; atNs < 60_000; atNs += 1237) {
      const rest = { controllers: kill(0, atNs) }
      const { results } = run(disaggregated({ requests, options: { handover }, prefill: two, decode: two, rest }))
      expect(results.finished, `killed at ${atNs}`).toBe(6)
      expect(results.outputTokens).toBe(120)
    }
  })

  it.each(['pull', 'layer-by-layer'])('in the decode pool (%s) sends its requests through both pools again', (handover) => {
    for (let atNs = 500; atNs < 1_200_000; atNs += 41_237) {
      const rest = { controllers: kill(2, atNs) }
      const { results } = run(disaggregated({ requests, options: { handover }, prefill: two, decode: two, rest }))
      expect(results.finished, `killed at ${atNs}`).toBe(6)
      expect(results.outputTokens).toBe(120)
    }
  })
})

describe('a scenario that does not fit', () => {
  const input = disaggregated({ requests: [one] })
  const pools = (...roles: (string | undefined)[]) =>
    roles.map((role, i) => ({ ...input.pools[i]!, ...(role === undefined ? { role: undefined } : { role }) }))

  it.each([
    [pools('prefill', 'prefill'), 'none has "decode"'],
    [pools('prefill', undefined), 'The pool has no role; "pd-disaggregation" knows "prefill", "decode".'],
    [pools('prefill', 'decoding'), 'The pool has the role "decoding"'],
  ])('is refused with what is missing', (wrong, message) => {
    expect(() => createSimulation({ ...input, pools: wrong as never })).toThrow(message)
  })

  it('has roles only with a technique that uses them', () => {
    expect(() => createSimulation({ ...input, techniques: [] })).toThrow('no technique of the cluster sends requests through roles')
    expect(plugins.length).toBeGreaterThan(0)
  })
})
