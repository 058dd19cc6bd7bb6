import { type Eviction, type EvictionContext, eviction, type Plugin, parseOptions, Registry, type RunContents } from '@servesim/core'
import { Draw } from '../draw.js'
import { withinBudget } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { holds, optionsFor, type Suite, type SuiteOptions } from './suite.js'

const traces = 100
const operations = 80
const maxRuns = 8192
const totalBlocks = 1000
/** Runs of the trace that is timed, and what an operation on one may take. */
const timedRuns = 4000
const budgetUs = 50

type NewPolicy = (context: EvictionContext) => Eviction

/** What every eviction policy must do, for each policy of a plugin. @param options of the policy, where its defaults are not enough */
export function describeEviction(plugin: Plugin, options: SuiteOptions = {}): void {
  register(evictionSuites(plugin, options))
}

export function evictionSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(eviction).map(({ provided }) => {
    const options = optionsFor(allOptions, provided.name)
    const newPolicy: NewPolicy = (context) => provided.build(parseOptions(provided.options, options, 'eviction'), context)
    return {
      title: `eviction ${provided.name}`,
      checks: [
        ...providerChecks(plugin, eviction, provided),
        {
          name: 'has no victim at first',
          run() {
            const victim = new Trial(newPolicy).victim()
            holds(victim === -1, `The victim is ${victim} before any run was released; expected -1.`)
          },
        },
        {
          name: 'names an unreferenced run as long as there is one, and the same until something changes',
          run() {
            for (let number = 0; number < traces; number++) randomTrace(new Trial(newPolicy), new Draw(number, 'eviction'))
          },
        },
        {
          name: 'gives up the same runs whether blocks are taken one by one or many at once',
          run() {
            for (let number = 0; number < traces; number++) oneByOneEqualsMany(newPolicy, number)
          },
        },
        {
          name: 'gives up the later part of a run that was cut before the earlier one',
          run() {
            const trial = new Trial(newPolicy)
            trial.release(0, 2)
            trial.split(0, 1)
            holds(trial.victim() === 1, `Run 1 is the later part of run 0; the victim is ${trial.victim()}.`)
            trial.reuse(1)
            holds(trial.victim() === 0, `Only run 0 is left; the victim is ${trial.victim()}.`)
          },
        },
        {
          name: 'knows a run again after it was referenced and released, and numbers far beyond its first capacity',
          run() {
            const trial = new Trial(newPolicy)
            trial.release(5000, 1)
            trial.reference(5000)
            holds(trial.victim() === -1, `All runs are referenced; the victim is ${trial.victim()}.`)
            trial.release(5000, 1)
            holds(trial.victim() === 5000, `Run 5000 was released again; the victim is ${trial.victim()}.`)
          },
        },
        {
          name: 'works within its budget of time, however many runs there are',
          run() {
            withinBudget('An operation', 2 * timedRuns, budgetUs, () => {
              const trial = new Trial(newPolicy)
              for (let run = 0; run < timedRuns; run++) trial.release(run, 1)
              for (let run = 0; run < timedRuns; run++) trial.reuse(trial.victim())
            })
          },
        },
      ],
    }
  })
}

function oneByOneEqualsMany(newPolicy: NewPolicy, number: number): void {
  const [one, many] = [new Trial(newPolicy), new Trial(newPolicy)]
  const draws = [one, many].map(() => new Draw(number, 'eviction'))
  for (let i = 0; i < operations / 4; i++) {
    for (const [at, trial] of [one, many].entries()) trial.change(draws[at]!, i)
    const blocks = draws.map((draw) => draw.integer(0, 6))[0]!
    for (let left = blocks; left > 0 && one.victim() >= 0; left--) one.reuse(one.victim())
    for (let left = blocks; left > 0 && many.victim() >= 0; ) left -= many.reuse(many.victim(), left)
    const [single, joint] = [one.victim(), many.victim()]
    holds(single === joint, `After ${blocks} blocks the victim is ${single} one by one, ${joint} at once.`)
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
    const again = this.policy.victim()
    holds(again === victim, `Asked twice it named ${victim}, then ${again}; victim must be pure.`)
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
    const isLawful = unreferenced.size === 0 ? victim === -1 : unreferenced.has(victim)
    holds(isLawful, `The victim is ${victim}; ${unreferenced.size} runs are unreferenced, and it is none of them.`)
    const known = draw.of(...(unreferenced.size === 0 ? [-1] : unreferenced))
    const kind = known < 0 ? 'release' : draw.of('release', 'release', 'split', 'reference', 'reuse')
    if (kind === 'reference') trial.reference(known)
    else if (kind === 'reuse') trial.reuse(victim)
    else if (kind === 'split' && trial.canSplit(known)) trial.split(known, runCount++)
    else trial.release(runCount++, draw.integer(1, 4))
  }
}
