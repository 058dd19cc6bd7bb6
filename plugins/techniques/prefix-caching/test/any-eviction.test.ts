import { createRandomSource, type Eviction } from '@servesim/core'
import { PrefixIds } from '@servesim/testkit'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PrefixIndex } from '../src/prefix-index.js'
import { operations, Replica, setups } from './operations.js'

/** A policy that cares for nothing: it picks by a number, whatever came first. */
class Whimsical implements Eviction {
  private readonly runs: number[] = []

  constructor(private readonly pick: (count: number) => number) {}

  release(run: number): void {
    this.runs.push(run)
    this.shuffle()
  }

  reference(run: number): void {
    this.runs.splice(this.runs.indexOf(run), 1)
  }

  split(_run: number, rest: number): void {
    this.runs.push(rest)
  }

  victim(): number {
    return this.runs[0] ?? -1
  }

  private shuffle(): void {
    const at = this.pick(this.runs.length)
    this.runs.unshift(...this.runs.splice(at, 1))
  }
}

// Content behind a gap could not be hit, and a hit across it would take blocks that are gone.
it('keeps what is cached free of gaps, whatever the eviction policy gives up first', () => {
  let losses = 0
  fc.assert(
    fc.property(setups, operations, fc.nat(1000), (setup, trace, seed) => {
      const random = createRandomSource(seed).stream('eviction')
      const policy = new Whimsical((count) => random.integer(count))
      const context = { path: '', engineRelease: '0.19', totalBlocks: setup.totalBlocks, blockSizeTokens: setup.blockSizeTokens }
      const replica = new Replica(setup, (requests) => new PrefixIndex({ ...context, requests }, policy, setup.blankFirst))
      const { kv, requests } = replica
      const ids = new PrefixIds()
      const waiting: number[] = []
      const running: number[] = []
      for (const { kind, pick, amount, text, promptTokens } of trace) {
        const list = kind === 'admit' ? waiting : running
        const at = pick % Math.max(1, list.length)
        const r = list[at]
        if (kind === 'arrive') {
          const known = Int32Array.from(ids.of(text))
          const prompt = Math.min(promptTokens, text.length * setup.groupTokens, setup.totalBlocks * setup.blockSizeTokens)
          waiting.push(replica.arrive({ ids: known, count: known.length, groupTokens: setup.groupTokens }, prompt))
        } else if (r === undefined) continue
        else if (kind === 'admit') {
          if (replica.admit(r, amount)) running.push(...waiting.splice(at, 1))
        } else if (kind === 'extend') {
          const before = kv.free
          if (replica.extend(r, amount) && kv.free < before) losses++
        } else {
          running.splice(at, 1)
          if (kind === 'finish') replica.finish(r)
          else {
            replica.preempt(r)
            waiting.push(r)
          }
        }
        expect(replica.index.freeBlocks).toBe(kv.free)
        // Every block in use is held by somebody, shared ones by several.
        const held = running.reduce((sum, request) => sum + requests.blocks[request]!, 0)
        expect(held).toBeGreaterThanOrEqual(kv.used)
        if (running.length === 1) expect(held).toBe(kv.used)
      }
      for (const r of running) replica.finish(r)
      expect(kv.used).toBe(0)
    }),
    { numRuns: 600 },
  )
  expect(losses).toBeGreaterThan(600)
})
