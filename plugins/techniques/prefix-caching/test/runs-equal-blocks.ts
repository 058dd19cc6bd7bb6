import type { Eviction, PrefixText } from '@servesim/core'
import { eviction as evictionPoint } from '@servesim/core'
import { lru } from '@servesim/eviction-lru'
import { PrefixIds, ReferenceBlockCache } from '@servesim/testkit'
import fc from 'fast-check'
import { expect } from 'vitest'
import { PrefixIndex } from '../src/prefix-index.js'
import { type Operation, operations, Replica, type Setup, setups } from './operations.js'

function newLru(): Eviction {
  let built: Eviction | undefined
  lru.setup({
    provide: (point: unknown, provided: unknown) => {
      if (point === evictionPoint) built = (provided as { build(options: object, context: object): Eviction }).build({}, { runCapacity: 4 })
    },
  })
  return built!
}

/** What the operations bring about, to show that the traces reach the corners they are meant for. */
const seen = { hits: 0, losses: 0, preemptions: 0, refusals: 0 }

function run(setup: Setup, trace: Operation[]): void {
  const context = { path: '', engineRelease: '0.19', totalBlocks: setup.totalBlocks, blockSizeTokens: setup.blockSizeTokens }
  const runs = new Replica(setup, (requests) => new PrefixIndex({ ...context, requests }, newLru(), setup.blankFirst))
  const blocks = new Replica(setup, (requests) => new ReferenceBlockCache({ ...context, requests }, setup.blankFirst))
  const both = [runs, blocks] as const
  const prefixIds = new PrefixIds()
  const texts: PrefixText[] = []
  const waiting: number[] = []
  const running: number[] = []
  let cachedBefore = 0
  const same = <Value>(of: (replica: Replica) => Value): Value => {
    const value = of(runs)
    const expected = of(blocks)
    // `expect` is slow, and this is called a million times.
    if (String(value) !== String(expected)) expect(value).toEqual(expected)
    return value
  }

  for (const { kind, pick, amount, text, promptTokens } of trace) {
    const list = kind === 'admit' ? waiting : running
    const at = pick % Math.max(1, list.length)
    const r = list[at]
    if (kind === 'arrive') {
      const prompt = Math.min(promptTokens, text.length * setup.groupTokens, setup.totalBlocks * setup.blockSizeTokens)
      const known = setup.knowsOutput ? text : text.slice(0, Math.floor(prompt / setup.groupTokens))
      const ids = Int32Array.from(prefixIds.of(known))
      const named = { ids, count: ids.length, groupTokens: setup.groupTokens }
      texts.push(named)
      waiting.push(same((replica) => replica.arrive(named, prompt)))
    } else if (r === undefined) continue
    else if (kind === 'admit') {
      if (same((replica) => replica.match(r)) > 0) seen.hits++
      if (same((replica) => replica.admit(r, amount))) running.push(...waiting.splice(at, 1))
      else seen.refusals++
    } else if (kind === 'extend') {
      if (!same((replica) => replica.extend(r, amount))) {
        const victim = running.pop()!
        for (const replica of both) replica.preempt(victim)
        waiting.unshift(victim)
        seen.preemptions++
      }
    } else if (kind === 'preempt') {
      for (const replica of both) replica.preempt(r)
      waiting.push(...running.splice(at, 1))
    } else {
      for (const replica of both) replica.finish(r)
      running.splice(at, 1)
    }
    same((replica) => [replica.kv.free, replica.index.freeBlocks])
    expect(runs.index.freeBlocks).toBe(runs.kv.free)
    const cached = same((replica) => texts.map((known) => replica.index.probe(known))).reduce((sum, blocks) => sum + blocks, 0)
    if (cached < cachedBefore) seen.losses++
    cachedBefore = cached
    for (const request of waiting) {
      const hit = same((replica) => replica.match(request))
      if (hit > 0) same((replica) => replica.index.idle(request, hit))
    }
    const named = (request: number) => runs.requests.identified[request] === 1
    for (const a of waiting.filter(named)) for (const b of running.filter(named)) same((replica) => replica.index.sameText(a, b, pick % 4))
  }
}

/** Compares the two over so many random traces, and says what happened in them. */
export function expectRunsEqualBlocks(cases: number): void {
  fc.assert(fc.property(setups, operations, run), { numRuns: cases })
  console.log(
    `prefix index = block by block: ${cases} traces, ${seen.hits} admissions with a hit, ${seen.losses} operations that lost content, ` +
      `${seen.preemptions} preemptions, ${seen.refusals} refused admissions`,
  )
  expect(seen.hits).toBeGreaterThan(cases)
  expect(seen.losses).toBeGreaterThan(cases)
  expect(seen.preemptions).toBeGreaterThan(cases / 2)
}
