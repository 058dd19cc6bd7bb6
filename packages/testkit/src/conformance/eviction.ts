import { type Eviction, eviction, type Plugin, parseOptions, Registry } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { Draw } from '../draw.js'

const traces = 100
const operations = 80

/** What every eviction policy must do, for each policy of a plugin. @param options of the policy, where its defaults are not enough */
export function describeEviction(plugin: Plugin, options: Record<string, unknown> = {}): void {
  for (const { provided } of new Registry([plugin]).all(eviction)) {
    describe(`eviction ${provided.name}`, () => {
      const build = () => provided.build(parseOptions(provided.options, options, 'eviction'), { runCapacity: 2 })

      it('has no victim at first', () => {
        expect(build().victim()).toBe(-1)
      })

      it('names an unreferenced run as long as there is one, and the same until something changes', () => {
        for (let number = 0; number < traces; number++) randomTrace(build(), new Draw(number, 'eviction'))
      })

      it('gives up the later part of a run that was cut before the earlier one', () => {
        const policy = build()
        policy.release(0)
        policy.split(0, 1)
        expect(policy.victim()).toBe(1)
        policy.reference(1)
        expect(policy.victim()).toBe(0)
      })

      it('knows a run again after it was referenced and released, and numbers far beyond its first capacity', () => {
        const policy = build()
        policy.release(5000)
        policy.reference(5000)
        expect(policy.victim()).toBe(-1)
        policy.release(5000)
        expect(policy.victim()).toBe(5000)
      })
    })
  }
}

function randomTrace(policy: Eviction, draw: Draw): void {
  const unreferenced = new Set<number>()
  let runCount = 0
  for (let i = 0; i < operations; i++) {
    const victim = policy.victim()
    expect(policy.victim()).toBe(victim)
    expect(unreferenced.size === 0 ? victim === -1 : unreferenced.has(victim), `victim ${victim}`).toBe(true)
    const known = draw.of(...(unreferenced.size === 0 ? [-1] : unreferenced))
    const kind = known < 0 ? 'release' : draw.of('release', 'release', 'split', 'reference')
    if (kind === 'reference') {
      const gone = draw.chance(0.5) ? known : victim
      policy.reference(gone)
      unreferenced.delete(gone)
      continue
    }
    if (kind === 'split') policy.split(known, runCount)
    else policy.release(runCount)
    unreferenced.add(runCount++)
  }
}
