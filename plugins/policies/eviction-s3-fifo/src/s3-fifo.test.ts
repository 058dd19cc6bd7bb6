import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { S3Fifo } from './s3-fifo.js'

/** A cache of runs, one chain each unless told, driven as the prefix index drives its policy. */
class Cache {
  readonly runs = { chain: new Int32Array(256), first: new Int32Array(256), count: new Int32Array(256) }
  readonly policy: S3Fifo

  constructor(smallFraction = 0.1, ghostBlocks = 90) {
    this.policy = new S3Fifo(this.runs, smallFraction, ghostBlocks)
  }

  /** New content, released for the first time. */
  add(run: number, blocks = 1, chain = run, first = 0): this {
    this.runs.chain[run] = chain
    this.runs.first[run] = first
    this.runs.count[run] = blocks
    this.policy.release(run)
    return this
  }

  /** Finds the run, uses it, and lets it go. */
  hit(run: number, times = 1): this {
    for (let i = 0; i < times; i++) {
      this.policy.reference(run)
      this.policy.release(run)
    }
    return this
  }

  /** Takes so many blocks, one at a time. @returns the runs they came from */
  take(blocks: number): number[] {
    return Array.from({ length: blocks }, () => {
      const run = this.policy.victim()
      this.policy.reuse(run, 1)
      if (--this.runs.count[run]! === 0) this.policy.reference(run)
      return run
    })
  }
}

it('takes new content in the order of its release, whole runs from their ends', () => {
  expect(new Cache().add(0, 2).add(1, 3).add(2, 1).take(6)).toEqual([0, 0, 1, 1, 1, 2])
})

it('moves a run to the main queue with its second hit, where new content does not push it out', () => {
  const cache = new Cache().add(0, 10).hit(0, 2)
  for (let run = 1; run <= 20; run++) cache.add(run)
  // The small queue keeps 10 % of what is there: of 11 blocks one may stay, and then main gives way.
  expect(cache.take(19)).toEqual(Array.from({ length: 19 }, (_, i) => i + 1))
  expect(cache.take(11)).toEqual([...Array.from({ length: 10 }, () => 0), 20])
})

it('lets one hit be no proof', () => {
  const cache = new Cache().add(0).hit(0).add(1).hit(1, 2).add(2)
  expect(cache.take(3)).toEqual([0, 2, 1])
})

it('passes a run of the main queue over once for each hit since it came there', () => {
  const cache = new Cache()
  for (let run = 0; run < 4; run++) cache.add(run).hit(run, 2)
  // Hits since then: 0, 1, 3 (of five) and 2; each hit also puts the run at the young end.
  cache.hit(1).hit(2, 5).hit(3, 2)
  expect(cache.take(4)).toEqual([0, 1, 3, 2])
})

it('names its victim without changing anything', () => {
  const cache = new Cache()
  for (let run = 0; run < 3; run++) cache.add(run).hit(run, 2)
  cache.hit(0).hit(1).hit(2)
  expect([1, 2, 3].map(() => cache.policy.victim())).toEqual([0, 0, 0])
  // Hits are used up by evictions, not by questions: 1 and 2 have one each when 0 has gone, and 1 gets another.
  cache.take(1)
  cache.hit(1)
  expect(cache.take(2)).toEqual([2, 1])
})

describe('the ghost', () => {
  it('lets content that was lost lately into the main queue', () => {
    const cache = new Cache().add(0, 4).add(1, 4)
    cache.take(4)
    // Chain 0 was lost and is computed again, under a number of its own.
    cache.add(2, 4, 0).add(3, 4, 7)
    expect(cache.take(8)).toEqual([1, 1, 1, 1, 3, 3, 3, 3])
  })

  it('forgets what lies further back than its size', () => {
    const cache = new Cache(0.1, 4).add(0, 1).add(1, 3).add(2, 1)
    cache.take(5)
    cache.add(3, 1, 0).add(4, 1, 2).add(5, 1, 8)
    // 0 was lost four blocks ago and counts as new; 2 was the last.
    expect(cache.take(3)).toEqual([3, 5, 4])
  })

  it('remembers the end of a run that was lost in part', () => {
    const cache = new Cache().add(0, 4)
    cache.take(2)
    // Blocks 2 and 3 of chain 0 are computed again, then what never was there.
    cache.add(1, 2, 0, 2).add(2, 2, 0, 4)
    expect(cache.take(4)).toEqual([0, 0, 2, 2])
  })

  it('does not remember content that nobody can ask for', () => {
    const cache = new Cache().add(0, 1, -1)
    cache.take(1)
    cache.add(1, 1, -1).add(2)
    expect(cache.take(2)).toEqual([1, 2])
  })
})

it('counts the blocks of each queue right, so that shares hold, over random traces', () => {
  const operation = fc.record({
    kind: fc.constantFrom('add', 'hit', 'split', 'take', 'take'),
    pick: fc.nat(1000),
    blocks: fc.integer({ min: 1, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const cache = new Cache(0.3, 10)
      const { count, chain, first } = cache.runs
      const queued = new Set<number>()
      let run = 0
      for (const { kind, pick, blocks } of operations) {
        const known = [...queued][pick % Math.max(1, queued.size)]
        if (kind === 'add' || known === undefined) {
          cache.add(run, blocks, pick % 9, 5 * (pick % 4))
          queued.add(run++)
        } else if (kind === 'hit') cache.hit(known)
        else if (kind === 'split' && count[known]! > 1) {
          chain[run] = chain[known]!
          first[run] = first[known]! + --count[known]!
          count[run] = 1
          cache.policy.split(known, run)
          queued.add(run++)
        } else {
          const [victim] = cache.take(1)
          expect(queued.has(victim!)).toBe(true)
          if (count[victim!] === 0) queued.delete(victim!)
        }
      }
      const left = [...queued].reduce((sum, r) => sum + count[r]!, 0)
      expect(new Set(cache.take(left))).toEqual(queued)
      expect(cache.policy.victim()).toBe(-1)
    }),
  )
})
