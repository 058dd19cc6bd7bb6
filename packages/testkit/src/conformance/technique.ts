import {
  createSimulation,
  isServesimError,
  type Plugin,
  Registry,
  type ScenarioInput,
  type SimulationInput,
  technique,
} from '@servesim/core'
import { randomRequests } from '../random-requests.js'
import { referencePrefixCaching } from '../reference-block-cache.js'
import { smallScenario } from '../scenario.js'
import { toyTokenReader } from '../toy-token-reader.js'
import { fastestMs } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { runChecks } from './runs.js'
import { type Check, holds, optionsFor, type Suite, type SuiteOptions } from './suite.js'

const runs = 30
/** How much longer a run may take with the technique on than without it. */
const budgetFactor = 20

export interface TechniqueSuite {
  /** Options of the technique, where its defaults are not enough. */
  options?: SuiteOptions
  /** What the technique needs of its pool: a count, parallelism, a model. */
  pool?: Partial<ScenarioInput['pools'][number]>
  /** The rest of the scenario, such as a router where the pool has several replicas. */
  scenario?: Partial<Omit<ScenarioInput, 'pools' | 'workload'>>
  /** Plugins that the technique or the pool needs beside the toy parts. */
  plugins?: readonly Plugin[]
  /** Techniques that are switched on beside it. */
  beside?: readonly ({ use: string } & Record<string, unknown>)[]
}

/** What every technique must do, for each technique of a plugin, whatever it claims. */
export function describeTechnique(plugin: Plugin, suite: TechniqueSuite = {}): void {
  register(techniqueSuites(plugin, suite))
}

export function techniqueSuites(plugin: Plugin, suite: TechniqueSuite = {}): Suite[] {
  const { options = {}, pool = {}, scenario: rest = {}, plugins = [], beside = [] } = suite
  return new Registry([plugin]).all(technique).map(({ provided }) => {
    const choice = { use: provided.name, ...optionsFor(options, provided.name) }
    const withTechniques = (number: number, techniques: readonly { use: string }[]): SimulationInput => ({
      ...smallScenario({
        ...rest,
        plugins: [plugin, referencePrefixCaching, toyTokenReader, ...plugins],
        requests: randomRequests(number),
        // Few enough that requests wait for each other.
        blocks: 200,
        pool: { maxModelLenTokens: 190, ...pool, techniques: [...techniques] },
      }),
      seed: number,
    })
    const scenario = (number: number) => withTechniques(number, [choice, ...beside])
    const checks: Check[] = [
      ...providerChecks(plugin, technique, provided),
      ...runChecks(scenario, runs),
      {
        name: 'works beside prefix caching, or says why not',
        run() {
          for (let number = 0; number < runs; number++) {
            try {
              createSimulation(withTechniques(number, [choice, ...beside, { use: 'reference-prefix-caching' }])).run()
            } catch (error) {
              const isSaid = isServesimError(error) && error.code === 'SERVESIM_PLUGIN_CONFLICT'
              if (!isSaid) throw error
              return
            }
          }
        },
      },
      {
        name: 'does not hide that a technique inside it reads every token',
        run() {
          const { ruledOut } = createSimulation(withTechniques(0, [choice, ...beside, { use: 'toy-token-reader' }])).result().steps
          holds(
            ruledOut.length > 0,
            'Steps are taken in stretches although a link inside reads "tokens": hand on next.reads where it says more.',
          )
        },
      },
      {
        name: 'runs within its budget of time',
        run() {
          const timeMs = (techniques: readonly { use: string }[]) =>
            fastestMs(() => {
              for (let number = 0; number < 5; number++) createSimulation(withTechniques(number, techniques)).run()
            })
          const [withMs, withoutMs] = [timeMs([choice, ...beside]), timeMs(beside)]
          holds(
            withMs <= budgetFactor * withoutMs + 5,
            `Runs take ${withMs.toFixed(1)} ms with it and ${withoutMs.toFixed(1)} ms without; at most ${budgetFactor} times is allowed.`,
          )
        },
      },
    ]
    return { title: `technique ${provided.name}`, checks }
  })
}
