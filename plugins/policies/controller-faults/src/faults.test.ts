import { type Cluster, controller, createRandomSource, parseOptions, Registry } from '@servesim/core'
import { expect, test } from 'vitest'
import { faults } from './index.js'

const provider = new Registry([faults]).named(controller, 'faults', 'controllers')

function build(options: object, seed = 1, replicaCount = 3) {
  const random = createRandomSource(seed).stream('controller')
  return provider.build(parseOptions(provider.options, { ...options }, 'controllers[0]'), { path: 'controllers[0]', replicaCount, random })
}

/** Writes down what is done to it. */
function cluster() {
  const log: string[] = []
  const dead = new Set<number>()
  const view: Cluster = {
    replicaCount: 3,
    pool: () => 'pool',
    isAlive: (replica) => !dead.has(replica),
    takesRequests: (replica) => !dead.has(replica),
    waiting: () => 0,
    running: () => 0,
    kill(replica) {
      log.push(`kill ${replica}`)
      dead.add(replica)
    },
    start(replica) {
      log.push(`start ${replica}`)
      dead.delete(replica)
    },
    drain: (replica) => void log.push(`drain ${replica}`),
  }
  return { log, view }
}

test('events happen at their instants, those of one instant in the order written', () => {
  const built = build({
    events: [
      { atS: 2, replica: 1, action: 'start' },
      { atS: 1, replica: 1, action: 'kill' },
      { atS: 1, replica: 2, action: 'drain' },
    ],
  })
  const { log, view } = cluster()
  expect(built.act(view, 0)).toBe(1e9)
  expect(log).toEqual([])
  expect(built.act(view, 1e9)).toBe(2e9)
  expect(log).toEqual(['kill 1', 'drain 2'])
  expect(built.act(view, 2e9)).toBe(Number.POSITIVE_INFINITY)
  expect(log).toEqual(['kill 1', 'drain 2', 'start 1'])
})

test('lives and repairs last as long as they should on average, and are the same for the same seed', () => {
  const lives = (seed: number) => {
    const built = build({ meanTimeBetweenFailuresS: 100, meanTimeToRepairS: 10 }, seed)
    const { log, view } = cluster()
    let nowNs = 0
    for (let i = 0; i < 6000; i++) nowNs = built.act(view, nowNs)
    return { log, nowNs }
  }
  const { log, nowNs } = lives(1)
  // Each of three replicas dies every 110 s; the count of n deaths deviates by about √n.
  const deaths = log.filter((line) => line.startsWith('kill')).length
  expect(Math.abs(deaths - (3 * nowNs) / 110e9)).toBeLessThan(4 * Math.sqrt(deaths))
  expect(lives(1)).toEqual({ log, nowNs })
  expect(lives(2).nowNs).not.toBe(nowNs)
})

test('a replica that does not exist is refused', () => {
  expect(() => build({ events: [{ atS: 1, replica: 3, action: 'kill' }] })).toThrow('There is no replica 3; the pools have 3.')
})
