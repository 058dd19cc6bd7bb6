import { type ClusterView, createRandomSource, createSimulation, type Plugin, parseOptions, Registry, router } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { Draw } from '../draw.js'
import { runChecked } from '../invariants.js'
import { outcomeOf } from '../outcome.js'
import { randomRequests } from '../random-requests.js'
import { smallScenario } from '../scenario.js'

const runs = 40
const replicaCount = 3

/** What every router must do, for each router of a plugin. @param options of the router, where its defaults are not enough */
export function describeRouter(plugin: Plugin, options: Record<string, unknown> = {}): void {
  for (const { provided } of new Registry([plugin]).all(router)) {
    describe(`router ${provided.name}`, () => {
      const scenario = (number: number) => {
        const choice = { use: provided.name, ...options }
        const input = smallScenario({ plugins: [plugin], requests: randomRequests(number), router: choice, pool: { count: replicaCount } })
        return { ...input, seed: number }
      }

      it('chooses a replica that exists, and the same one from the same view and stream', () => {
        const build = () =>
          provided.build(parseOptions(provided.options, options, 'router'), {
            replicaCount,
            random: createRandomSource(1).stream('router'),
          })
        const [one, other] = [build(), build()]
        for (let request = 0; request < 200; request++) {
          const view = randomView(request)
          const chosen = one.route(request, view, request * 1000)
          expect(Number.isInteger(chosen) && chosen >= 0 && chosen < replicaCount, `replica ${chosen}`).toBe(true)
          expect(other.route(request, view, request * 1000)).toBe(chosen)
        }
      })

      it('serves every request with the laws of the engine intact', () => {
        for (let number = 0; number < runs; number++) runChecked(scenario(number))
      })

      it('sees the same in the middle of a stretch of steps as step by step', () => {
        for (let number = 0; number < runs; number++) {
          const [fast, plain] = [createSimulation(scenario(number)), createSimulation(scenario(number), { stretches: false })]
          fast.run()
          plain.run()
          expect(outcomeOf(fast).exact).toEqual(outcomeOf(plain).exact)
        }
      })
    })
  }
}

function randomView(number: number): ClusterView {
  const draw = new Draw(number, 'view')
  const replicas = Array.from({ length: replicaCount }, () => ({
    waiting: draw.integer(0, 3),
    running: draw.integer(0, 9),
    use: draw.integer(0, 8) / 8,
  }))
  return {
    replicaCount,
    waiting: (replica) => replicas[replica]!.waiting,
    running: (replica) => replicas[replica]!.running,
    kvUse: (replica) => replicas[replica]!.use,
    cachedBlocks: (replica) => replicas[replica]!.waiting,
  }
}
