import { admission, type Plugin, Registry, type SimulationInput } from '@servesim/core'
import { runChecked } from '../invariants.js'
import { randomRequests } from '../random-requests.js'
import { smallScenario } from '../scenario.js'
import { providerChecks } from './provider.js'
import { runChecks } from './runs.js'
import { holds, optionsFor, type Suite, type SuiteOptions } from './suite.js'

const runs = 40

/** What every admission policy must do. @param options of the policy, where its defaults are not enough */
export function admissionSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(admission).map(({ provided }) => {
    const choice = { use: provided.name, ...optionsFor(allOptions, provided.name) }
    const scenario = (number: number): SimulationInput => ({
      ...smallScenario({ plugins: [plugin], requests: randomRequests(number), admission: [choice], blocks: 200 }),
      seed: number,
    })
    return {
      title: `admission ${provided.name}`,
      checks: [
        ...providerChecks(plugin, admission, provided),
        {
          name: 'lets every request in at last, or refuses it with a reason',
          run() {
            for (let number = 0; number < runs; number++) {
              for (const { arrivalIndex, reason } of runChecked(scenario(number)).results.refused) {
                holds(reason.length > 0, `Run ${number}: request ${arrivalIndex} was refused without a reason.`)
              }
            }
          },
        },
        ...runChecks(scenario, runs),
      ],
    }
  })
}
