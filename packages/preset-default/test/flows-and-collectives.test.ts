import { createSimulation, type SimulationInput } from '@servesim/core'
import { analyticalNetwork } from '@servesim/network-analytical'
import { checkInvariants, outcomeOf } from '@servesim/testkit'
import { expect, test } from 'vitest'
import { randomScenario } from './random-scenario.js'

const cases = Number(process.env.SERVESIM_CASES ?? 40)

/** Two replicas of two ranks on one node, and what they send each other. */
function scenario(number: number, count = 24): SimulationInput {
  const input = randomScenario(number)
  const pool = input.pools[0]!
  const tensor = { ...pool.parallelism, tensor: 2 }
  return {
    ...input,
    router: { use: 'least-loaded' },
    fabric: {
      use: 'shared-links',
      intraNode: { topology: number % 3 === 0 ? 'ring' : 'switch', bandwidthGBps: 50 },
      transferLatencyUs: number % 2,
    },
    pools: [
      {
        ...pool,
        count: 2,
        parallelism: tensor,
        network: { use: 'toy-network', byteNs: 0.5 },
        techniques: [...(pool.techniques ?? []), { use: 'toy-traffic', seed: number, count }],
      },
    ],
    plugins: [...input.plugins, analyticalNetwork],
  }
}

test(`with flows on the links of collectives, stretches give what single steps give, in ${cases} scenarios`, () => {
  let shared = 0
  let fast = 0
  for (let number = 0; number < cases; number++) {
    const one = createSimulation(scenario(number))
    const other = createSimulation(scenario(number), { stretches: false })
    const [fastly, plainly] = [one.run(), other.run()]
    expect(outcomeOf(one).exact, `scenario ${number}`).toEqual(outcomeOf(other).exact)
    expect(fastly.counters, `scenario ${number}`).toEqual(plainly.counters)
    expect(fastly.transfers, `scenario ${number}`).toEqual(plainly.transfers)
    if (createSimulation(scenario(number, 0)).run().throughput.durationS !== fastly.throughput.durationS) shared++
    fast += one.units.reduce((sum, unit) => sum + unit.fastSteps, 0)
  }
  // Neither is empty: flows change when runs end, and stretches are taken.
  expect(shared).toBeGreaterThan(cases / 2)
  expect(fast).toBeGreaterThan(cases)
})

test('the laws of the engine hold while flows and collectives share links', () => {
  for (let number = 0; number < cases / 4; number++) {
    const simulation = createSimulation(scenario(number))
    while (!simulation.advance({ maxEvents: 1 })) checkInvariants(simulation)
    expect(simulation.engine.transfers.active).toBe(0)
  }
})
