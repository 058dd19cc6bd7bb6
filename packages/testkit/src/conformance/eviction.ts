import { type Eviction, type EvictionContext, eviction, type Plugin, parseOptions, Registry, type RunContents } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { Draw } from '../draw.js'

const traces = 100
const operations = 80
const maxRuns = 8192
const totalBlocks = 1000

type NewPolicy = (context: EvictionContext) => Eviction

/** What every eviction policy must do, for each policy of a plugin. @param options of the policy, where its defaults are not enough */
export function describeEviction(plugin: Plugin, options: Record<string, unknown> = {}): void {
  for (const { provided } of new Registry([plugin]).all(eviction)) {
    describe(`eviction ${provided.name}`, () => {
      const newPolicy: NewPolicy = (context) => provided.build(parseOptions(provided.options, options, 'eviction'), context)

      it('has no victim at first', () => {
        expect(new Trial(newPolicy).victim()).toBe(-1)
      })

      it('names an unreferenced run as long as there is one, and the same until something changes', () => {
        for (let number = 0; number < traces; number++) randomTrace(new Trial(newPolicy), new Draw(number, 'eviction'))
      })

      it('gives up the same runs whether blocks are taken one by one or many at once', () => {
        for (let number = 0; number < traces; number++) {
          const [one, many] = [new Trial(newPolicy), new Trial(newPolicy)]
          const draws = [one, many].map(() => new Draw(number, 'eviction'))
          for (let i = 0; i < operations / 4; i++) {
            for (const [at, trial] of [one, many].entries()) trial.change(draws[at]!, i)
            const blocks = draws.map((draw) => draw.integer(0, 6))[0]!
            for (let left = blocks; left > 0 && one.victim() >= 0; left--) one.reuse(one.victim())
            for (let left = blocks; left > 0 && many.victim() >= 0; ) left -= many.reuse(many.victim(), left)
            expect(many.victim()).toBe(one.victim())
          }
        }
      })

      it('gives up the later part of a run that was cut before the earlier one', () => {
        const trial = new Trial(newPolicy)
        trial.release(0, 2)
        trial.split(0, 1)
        expect(trial.victim()).toBe(1)
        trial.reuse(1)
        expect(trial.victim()).toBe(0)
      })

      it('knows a run again after it was referenced and released, and numbers far beyond its first capacity', () => {
        const trial = new Trial(newPolicy)
        trial.release(5000, 1)
        trial.reference(5000)
        expect(trial.victim()).toBe(-1)
        trial.release(5000, 1)
        expect(trial.victim()).toBe(5000)
      })
    })
  }
}

/** A policy, and beside it what its unreferenced runs hold: each run the start of a text of its own. */
class Trial {
  readonly unreferenced = new Set<number>()
  private readonly runs: RunContents = { chain: new Int32Array(maxRuns), first: new Int32Array(maxRuns), count: new Int32Array(maxRuns) }
  private readonly policy: Eviction

  constructor(newPolicy: NewPolicy) {
    this.policy = newPolicy({ runCapacity: 2, totalBlocks, runs: this.runs })
  }

  /** Pure: asked twice, it must say the same. */
  victim(): number {
    const victim = this.policy.victim()
    expect(this.policy.victim()).toBe(victim)
    return victim
  }

  release(run: number, blocks: number): void {
    this.runs.chain[run] = run
    this.runs.count[run] = blocks
    this.policy.release(run)
    this.unreferenced.add(run)
  }

  reference(run: number): void {
    this.policy.reference(run)
    this.unreferenced.delete(run)
  }

  /** Cuts a run of two blocks and more; its last block becomes `rest`. */
  split(run: number, rest: number): void {
    const { chain, first, count } = this.runs
    chain[rest] = chain[run]!
    first[rest] = first[run]! + --count[run]!
    count[rest] = 1
    this.policy.split(run, rest)
    this.unreferenced.add(rest)
  }

  canSplit(run: number): boolean {
    return this.runs.count[run]! > 1
  }

  /** Takes blocks from the end of the victim. @returns how many: no more than it has */
  reuse(victim: number, most = 1): number {
    const blocks = Math.min(most, this.runs.count[victim]!)
    this.policy.reuse?.(victim, blocks)
    this.runs.count[victim]! -= blocks
    if (this.runs.count[victim] === 0) this.reference(victim)
    return blocks
  }

  /** Some runs come, and one that is known is used again. */
  change(draw: Draw, round: number): void {
    for (let i = 0; i < 3; i++) this.release(3 * round + i, draw.integer(1, 5))
    const run = draw.of(...this.unreferenced)
    const blocks = this.runs.count[run]!
    if (draw.chance(0.3)) return
    this.reference(run)
    this.release(run, blocks)
  }
}

function randomTrace(trial: Trial, draw: Draw): void {
  const { unreferenced } = trial
  for (let i = 0, runCount = 0; i < operations; i++) {
    const victim = trial.victim()
    expect(unreferenced.size === 0 ? victim === -1 : unreferenced.has(victim), `victim ${victim}`).toBe(true)
    const known = draw.of(...(unreferenced.size === 0 ? [-1] : unreferenced))
    const kind = known < 0 ? 'release' : draw.of('release', 'release', 'split', 'reference', 'reuse')
    if (kind === 'reference') trial.reference(known)
    else if (kind === 'reuse') trial.reuse(victim)
    else if (kind === 'split' && trial.canSplit(known)) trial.split(known, runCount++)
    else trial.release(runCount++, draw.integer(1, 4))
  }
}
