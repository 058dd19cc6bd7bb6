import { createSimulation } from '@servesim/core'
import { outcomeOf, runChecked } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { randomDisaggregated } from './scenario.js'

const cases = Number(process.env.SERVESIM_CASES ?? 100)

it(`in ${cases} random scenarios no request is lost or counted twice, no block leaks, nobody waits for ever`, () => {
  const seen = { finished: 0, aborted: 0, lost: 0, handedOver: 0, recomputed: 0, local: 0, cached: 0 }
  for (let number = 0; number < cases; number++) {
    const { results, engine } = runChecked(randomDisaggregated(number))
    const counted = (name: string) => engine.counters.get(name)!.value
    seen.finished += results.finished
    seen.aborted += results.unservedCounts.aborted
    seen.lost += results.unservedCounts.lost
    seen.handedOver += counted('kvHandedOverBytes') > 0 ? 1 : 0
    seen.recomputed += counted('lostKvPrompts')
    seen.local += counted('localPrompts')
    seen.cached += results.cachedTokens > 0 ? 1 : 0
  }
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(cases / 50)
})

it('takes stretches of steps at once and gets what step by step gets, whatever the order of plugins', () => {
  for (let number = 0; number < cases; number++) {
    const input = randomDisaggregated(number)
    const plain = createSimulation(input, { stretches: false })
    plain.run()
    const fast = createSimulation({ ...input, plugins: [...input.plugins].reverse() })
    fast.run()
    expect(outcomeOf(fast).exact, `scenario ${number}`).toEqual(outcomeOf(plain).exact)
  }
})
