import { createSimulation, type SimulationInput } from '@servesim/core'
import { runChecked } from '../invariants.js'
import { outcomeOf } from '../outcome.js'
import { type Check, same } from './suite.js'

/** Scenarios by number. */
export type Scenarios = (number: number) => SimulationInput

/** Laws of every part that takes part in a run, held over `runs` random scenarios. */
export function runChecks(scenario: Scenarios, runs: number): Check[] {
  const each = (body: (number: number) => void) => () => {
    for (let number = 0; number < runs; number++) body(number)
  }
  return [
    { name: 'serves every request with the laws of the engine intact', run: each((number) => void runChecked(scenario(number))) },
    {
      name: 'yields the same however many steps core takes in one go',
      run: each((number) => {
        const [fast, plain] = [createSimulation(scenario(number)), createSimulation(scenario(number), { stretches: false })]
        fast.run()
        plain.run()
        same(outcomeOf(fast).exact, outcomeOf(plain).exact, `Run ${number}`, ['in stretches', 'step by step'])
      }),
    },
    {
      name: 'yields the same again',
      run: each((number) => {
        const [one, other] = [createSimulation(scenario(number)), createSimulation(scenario(number))]
        one.run()
        other.run()
        same(outcomeOf(one), outcomeOf(other), `Run ${number}`, ['at first', 'the second time'])
      }),
    },
  ]
}
