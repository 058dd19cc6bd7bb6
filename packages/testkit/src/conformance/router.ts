import { type ClusterView, createRandomSource, type Plugin, parseOptions, Registry, router } from '@servesim/core'
import { Draw } from '../draw.js'
import { randomRequests } from '../random-requests.js'
import { smallScenario } from '../scenario.js'
import { withinBudget } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { runChecks } from './runs.js'
import { holds, optionsFor, type Suite, type SuiteOptions } from './suite.js'

const runs = 40
const replicaCount = 3
const decisions = 1000
const budgetUs = 100

/** What every router must do, for each router of a plugin. @param options of the router, where its defaults are not enough */
export function describeRouter(plugin: Plugin, options: SuiteOptions = {}): void {
  register(routerSuites(plugin, options))
}

export function routerSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(router).map(({ provided }) => {
    const options = optionsFor(allOptions, provided.name)
    const build = () =>
      provided.build(parseOptions(provided.options, options, 'router'), { replicaCount, random: createRandomSource(1).stream('router') })
    const scenario = (number: number) => {
      const choice = { use: provided.name, ...options }
      const input = smallScenario({ plugins: [plugin], requests: randomRequests(number), router: choice, pool: { count: replicaCount } })
      return { ...input, seed: number }
    }
    return {
      title: `router ${provided.name}`,
      checks: [
        ...providerChecks(plugin, router, provided),
        {
          name: 'chooses a replica that exists and takes requests, and the same one from the same view and stream',
          run() {
            const [one, other] = [build(), build()]
            for (let request = 0; request < 200; request++) {
              const view = randomView(request)
              const chosen = one.route(request, view, request * 1000)
              holds(Number.isInteger(chosen) && chosen >= 0 && chosen < replicaCount, `It chose replica ${chosen} of ${replicaCount}.`)
              const again = other.route(request, view, request * 1000)
              holds(again === chosen, `From the same view it chose replica ${chosen}, then ${again}.`)
              holds(view.takesRequests(chosen), `It chose replica ${chosen}, which takes no requests.`)
            }
          },
        },
        ...runChecks(scenario, runs),
        {
          name: 'decides within its budget of time',
          run() {
            const built = build()
            const views = Array.from({ length: 50 }, (_, i) => randomView(i))
            let timeNs = 0
            withinBudget('A decision', decisions, budgetUs, () => {
              for (let i = 0; i < decisions; i++) built.route(i, views[i % views.length]!, timeNs++)
            })
          },
        },
      ],
    }
  })
}

function randomView(number: number): ClusterView {
  const draw = new Draw(number, 'view')
  const replicas = Array.from({ length: replicaCount }, () => ({
    waiting: draw.integer(0, 3),
    running: draw.integer(0, 9),
    use: draw.integer(0, 8) / 8,
  }))
  // One may be closed, or all but one.
  const open = draw.integer(0, replicaCount - 1)
  const closed = draw.of([], [(open + 1) % replicaCount], [(open + 1) % replicaCount, (open + 2) % replicaCount])
  return {
    replicaCount,
    takesRequests: (replica) => !closed.includes(replica),
    waiting: (replica) => replicas[replica]!.waiting,
    running: (replica) => replicas[replica]!.running,
    kvUse: (replica) => replicas[replica]!.use,
    cachedBlocks: (replica) => replicas[replica]!.waiting,
    prompt: { tokens: 100, text: undefined, cachedTokens: (replica) => replicas[replica]!.waiting * 4 },
  }
}
