import { definePlugin, type Engine, type KvTier, type KvTierContext, kvTier, Phase, technique } from '@servesim/core'
import { checkEnd, type ListedRequest, recordSchedule, smallScenario } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { vllmScheduler } from '../src/index.js'

/** A memory that has `tokens` of request 1 and takes `loadNs` to bring them. */
function memoryOfOne(tokens: number, loadNs: number, end: 'landed' | 'failed' = 'landed') {
  return definePlugin('memory', (host) => {
    host.provide(technique, {
      name: 'memory',
      description: 'Test.',
      options: z.strictObject({}),
      build: (_options, { claim, engine }) =>
        claim(kvTier, { name: 'memory', reads: 'shape', build: (context) => tierOf(context, engine, tokens, loadNs, end) }),
    })
  })
}

function tierOf(context: KvTierContext, engine: Engine, tokens: number, loadNs: number, end: 'landed' | 'failed'): KvTier {
  let failed = false
  const timer = engine.timer((request) => {
    failed = end === 'failed'
    context[end](request)
  })
  return {
    reads: 'shape',
    probe: (request, from) => (context.requests.arrivalIndex[request] === 1 && !failed ? Math.max(0, tokens - from) : 0),
    load: (request) => timer.at(engine.nowNs + loadNs, Phase.complete, request),
    cancel: () => {},
  }
}

const three: ListedRequest[] = [
  { arrivalNs: 0, promptTokens: 8, outputTokens: 4 },
  { arrivalNs: 0, promptTokens: 12, outputTokens: 2 },
  { arrivalNs: 0, promptTokens: 4, outputTokens: 2 },
]

function run(memory: ReturnType<typeof memoryOfOne>, options: { requests?: ListedRequest[]; blocks?: number } = {}) {
  const { requests = three, blocks = 64 } = options
  const scheduler = { use: 'vllm', asyncScheduling: false, blockSizeTokens: 4 }
  const recorded = recordSchedule(
    smallScenario({ requests, blocks, plugins: [vllmScheduler, memory], pool: { scheduler, techniques: [{ use: 'memory' }] } }),
  )
  checkEnd(recorded.simulation)
  return recorded
}

describe('a request whose KV is brought from behind the device', () => {
  it('waits without slot or budget while others step, then computes its last token', () => {
    // The first step takes some 1.2 µs, so the load ends within the second.
    const { forms } = run(memoryOfOne(12, 1_500))
    expect(forms.filter(({ scheduled }) => scheduled.length > 0).map(({ scheduled }) => scheduled)).toEqual([
      [
        [0, 8],
        [2, 4],
      ],
      [
        [0, 1],
        [2, 1],
      ],
      [
        [0, 1],
        [1, 1],
      ],
      [
        [0, 1],
        [1, 1],
      ],
    ])
    expect(forms[0]!.loads).toEqual([[1, 12]])
  })

  it('computes what the memory does not have', () => {
    const { forms } = run(memoryOfOne(6, 3_500))
    expect(forms.flatMap(({ scheduled }) => scheduled.filter(([request]) => request === 1))).toEqual([
      [1, 6],
      [1, 1],
    ])
  })

  it('starts over by computing when the load fails', () => {
    const { forms } = run(memoryOfOne(12, 3_500, 'failed'))
    expect(forms.flatMap(({ scheduled }) => scheduled.filter(([request]) => request === 1))).toEqual([
      [1, 12],
      [1, 1],
    ])
  })

  it('is noticed by an idle engine at its next turn, a millisecond after one that ran nothing', () => {
    const requests = [three[0]!, { ...three[1]!, arrivalNs: 1_000_000 }]
    const { forms } = run(memoryOfOne(12, 1_300_000), { requests })
    const scheduledNs = forms.find(({ scheduled }) => scheduled.some(([request]) => request === 1))!.timeNs
    expect(scheduledNs).toBe(1_000_000 + 2 * 1_000_000)
  })

  it('blocks those behind it where its blocks are short', () => {
    // Request 0 fills two of four usable blocks; request 1 needs three at once.
    const { forms } = run(memoryOfOne(12, 100), { blocks: 5 })
    const first = (request: number) => forms.findIndex(({ scheduled }) => scheduled.some(([other]) => other === request))
    const begins = forms.findIndex(({ loads }) => loads !== undefined)
    expect(begins).toBeGreaterThan(1)
    expect(first(2)).toBe(begins)
  })
})
