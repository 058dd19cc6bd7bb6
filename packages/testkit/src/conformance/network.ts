import {
  type CollectiveKind,
  type DeviceSpec,
  isServesimError,
  type Network,
  network,
  type Plugin,
  parseOptions,
  Registry,
} from '@servesim/core'
import { randomRequests } from '../random-requests.js'
import { smallScenario } from '../scenario.js'
import { withinBudget } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { runChecks } from './runs.js'
import { holds, optionsFor, type Suite, type SuiteOptions, same } from './suite.js'

const runs = 20
const collectives: readonly CollectiveKind[] = ['all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all']
const rankCounts = [2, 3, 4, 8, 16]
const sizes = Array.from({ length: 31 }, (_, i) => 2 ** i)
const budgetUs = 100

/** A device whose links any network can work from. */
export const linkedDevice: DeviceSpec = {
  name: 'toy-linked',
  vendor: 'toy',
  memoryBytes: 2 ** 34,
  memoryBytesPerSecond: 1e12,
  bf16FlopPerSecond: 1e14,
  linkBytesPerSecond: 1e11,
  linkKind: 'nvlink',
  source: 'invented',
}

/** Two ranks must have a price; how many more a network knows is its own affair, and what it does not know it refuses. */
function risesWithBytes(built: Network, collective: CollectiveKind, ranks: number): void {
  let longest = 0
  for (const bytes of sizes) {
    const at = `${collective} of ${bytes} bytes over ${ranks} ranks`
    try {
      const ns = built.collectiveNs(collective, ranks, bytes)
      holds(Number.isFinite(ns) && ns >= 0, `${at} takes ${ns} ns.`)
      holds(ns >= longest, `${at} takes ${ns} ns, fewer bytes took ${longest} ns.`)
      longest = ns
      const linkNs = built.collectiveLinkNs?.(collective, ranks, bytes) ?? 0
      holds(linkNs >= 0 && linkNs <= ns, `${at} takes ${ns} ns, and its links are busy for ${linkNs} ns of them.`)
    } catch (error) {
      if (ranks === 2 || !isServesimError(error)) throw error
      return
    }
  }
}

/** @throws AssertionError where more bytes take less, or a refusal is no sentence for users */
export function risingPrices(built: Network, ranks: readonly number[]): void {
  for (const collective of collectives) for (const count of ranks) risesWithBytes(built, collective, count)
}

/** What every network must do, for each network of a plugin. @param options of the network, where its defaults are not enough */
export function describeNetwork(plugin: Plugin, options: SuiteOptions = {}): void {
  register(networkSuites(plugin, options))
}

export function networkSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(network).map(({ provided }) => {
    const options = optionsFor(allOptions, provided.name)
    const build = () =>
      provided.build(parseOptions(provided.options, options, 'network'), {
        path: 'network',
        device: linkedDevice,
        collectives: [],
        engineRelease: '0.19.0',
      })
    const scenario = (number: number) =>
      smallScenario({
        plugins: [plugin],
        requests: randomRequests(number),
        blocks: 200,
        pool: { parallelism: { tensor: 2 }, maxModelLenTokens: 190, network: { use: provided.name, ...options } },
      })
    return {
      title: `network ${provided.name}`,
      checks: [
        ...providerChecks(plugin, network, provided),
        {
          name: 'says how well its prices are known and what they assume',
          run() {
            const { provenance, assumptions } = build()
            holds(['measured', 'analytic'].includes(provenance), `The provenance is "${provenance}"; expected measured or analytic.`)
            holds(
              assumptions.every((sentence) => /\S/.test(sentence)),
              'An assumption is empty.',
            )
          },
        },
        {
          name: 'prices every collective or says why not, and more bytes never take less',
          run() {
            const built = build()
            risingPrices(built, rankCounts)
          },
        },
        {
          name: 'prices transfers, and more bytes never take less',
          run() {
            const built = build()
            let longest = 0
            for (const bytes of sizes) {
              const ns = built.transferNs(bytes)
              holds(Number.isFinite(ns) && ns >= longest, `${bytes} bytes take ${ns} ns, fewer took ${longest} ns.`)
              longest = ns
            }
          },
        },
        {
          name: 'prices the same again',
          run() {
            const prices = () => {
              const built = build()
              return collectives.map((collective) => built.collectiveNs(collective, 4, 12_345))
            }
            same(prices(), prices(), 'A price', ['at first', 'the second time'])
          },
        },
        ...runChecks(scenario, runs),
        {
          name: 'prices within its budget of time',
          run() {
            const built = build()
            withinBudget('A price', sizes.length, budgetUs, () => {
              for (const bytes of sizes) built.collectiveNs('all-reduce', 8, bytes)
            })
          },
        },
      ],
    }
  })
}
