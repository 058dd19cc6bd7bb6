import { createSimulation, type Plugin, Registry, type SimulationInput, scheduler } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { runChecked } from '../invariants.js'
import { outcomeOf } from '../outcome.js'
import { randomRequests } from '../random-requests.js'
import { referencePrefixCaching } from '../reference-block-cache.js'
import { smallScenario } from '../scenario.js'

const runs = 60

/** What every scheduler must do, for each scheduler of a plugin. @param options of the scheduler, where its defaults are not enough */
export function describeScheduler(plugin: Plugin, options: Record<string, unknown> = {}): void {
  for (const { provided } of new Registry([plugin]).all(scheduler)) {
    describe(`scheduler ${provided.name}`, () => {
      const scenario = (number: number): SimulationInput =>
        smallScenario({
          plugins: [plugin, referencePrefixCaching],
          requests: randomRequests(number),
          // Room for some of the requests at a time, and for the longest of them alone.
          blocks: 200,
          pool: {
            scheduler: { use: provided.name, ...options },
            maxModelLenTokens: 190,
            techniques: number % 2 === 0 ? [] : [{ use: 'reference-prefix-caching' }],
          },
        })

      it('serves every request with the laws of the engine intact', () => {
        for (let number = 0; number < runs; number++) {
          const { results } = runChecked(scenario(number), { stretches: false })
          expect(results.finished).toBe(results.arrived)
        }
      })

      it('calls a batch steady only where the coming steps repeat it', () => {
        for (let number = 0; number < runs; number++) {
          const [fast, plain] = [createSimulation(scenario(number)), createSimulation(scenario(number), { stretches: false })]
          fast.run()
          plain.run()
          expect(outcomeOf(fast).exact).toEqual(outcomeOf(plain).exact)
        }
      })

      it('decides the same again', () => {
        for (let number = 0; number < runs; number++)
          expect(outcomeOf(runChecked(scenario(number)))).toEqual(outcomeOf(runChecked(scenario(number))))
      })
    })
  }
}
