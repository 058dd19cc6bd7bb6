import { type Plugin, Registry, type SimulationInput, scheduler } from '@servesim/core'
import { runChecked } from '../invariants.js'
import { randomRequests } from '../random-requests.js'
import { referencePrefixCaching } from '../reference-block-cache.js'
import { smallScenario } from '../scenario.js'
import { fastestMs } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { runChecks } from './runs.js'
import { holds, optionsFor, type Suite, type SuiteOptions } from './suite.js'

const runs = 60
/** Requests of the run that is timed, and what each may take. */
const timedRequests = 400
const budgetUs = 2000

/** What every scheduler must do, for each scheduler of a plugin. @param options of the scheduler, where its defaults are not enough */
export function describeScheduler(plugin: Plugin, options: SuiteOptions = {}): void {
  register(schedulerSuites(plugin, options))
}

export function schedulerSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(scheduler).map(({ provided }) => {
    const choice = { use: provided.name, ...optionsFor(allOptions, provided.name) }
    const scenario = (number: number): SimulationInput =>
      smallScenario({
        plugins: [plugin, referencePrefixCaching],
        requests: randomRequests(number),
        // Room for some of the requests at a time, and for the longest of them alone.
        blocks: 200,
        pool: {
          scheduler: choice,
          maxModelLenTokens: 190,
          techniques: number % 2 === 0 ? [] : [{ use: 'reference-prefix-caching' }],
          ...(number % 3 === 2 && { model: 'toy-deep', network: { use: 'toy-network' }, parallelism: { pipeline: 2 } }),
        },
      })
    return {
      title: `scheduler ${provided.name}`,
      checks: [
        ...providerChecks(plugin, scheduler, provided),
        {
          name: 'finishes every request, step by step',
          run() {
            for (let number = 0; number < runs; number++) {
              const { results } = runChecked(scenario(number), { stretches: false })
              const { aborted } = results.unservedCounts
              holds(
                results.finished + aborted === results.arrived,
                `Run ${number}: ${results.finished} of ${results.arrived} requests finished, and ${aborted} clients went away.`,
              )
            }
          },
        },
        ...runChecks(scenario, runs),
        {
          name: 'forms steps within its budget of time, also when many requests wait',
          run() {
            const requests = Array.from({ length: timedRequests }, () => ({ arrivalNs: 0, promptTokens: 20, outputTokens: 10 }))
            const input = smallScenario({ plugins: [plugin], requests, blocks: 200, pool: { scheduler: choice, maxModelLenTokens: 190 } })
            const eachUs = (fastestMs(() => runChecked(input, { stretches: false })) * 1000) / timedRequests
            holds(eachUs <= budgetUs, `A request takes ${eachUs.toFixed(0)} µs of scheduling, the budget is ${budgetUs} µs.`)
          },
        },
      ],
    }
  })
}
