import { type FabricPlan, fabric, type Plugin, parseOptions, placeReplicas, Registry } from '@servesim/core'
import { Draw } from '../draw.js'
import { randomRequests } from '../random-requests.js'
import { smallScenario } from '../scenario.js'
import { withinBudget } from './budget.js'
import { linkedDevice, risingPrices } from './network.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { runChecks } from './runs.js'
import { holds, optionsFor, type Suite, type SuiteOptions, same } from './suite.js'

const runs = 12
const budgetUs = 200

/** A flow that a check starts. */
interface Sent {
  atNs: number
  source: number
  target: number
  bytes: number
  toNs: number
  chunks: number
  cancelNs?: number
}

/** What every fabric must do, for each fabric of a plugin. @param options of the fabric, where its defaults are not enough */
export function describeFabric(plugin: Plugin, options: SuiteOptions = {}): void {
  register(fabricSuites(plugin, options))
}

export function fabricSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(fabric).map(({ provided }) => {
    const options = optionsFor(allOptions, provided.name)
    const plan = () => provided.build(parseOptions(provided.options, options, 'fabric'), { path: 'fabric' })
    const ends = (sent: readonly Sent[]) => play(plan(), sent)
    const scenario = (number: number) =>
      smallScenario({
        plugins: [plugin],
        requests: randomRequests(number),
        blocks: 200,
        fabric: { use: provided.name, ...options },
        pool: {
          parallelism: { tensor: 2 },
          maxModelLenTokens: 190,
          network: { use: 'toy-network' },
          techniques: [{ use: 'toy-traffic', seed: number }],
        },
      })
    return {
      title: `fabric ${provided.name}`,
      checks: [
        ...providerChecks(plugin, fabric, provided),
        {
          name: 'delivers every flow once, at a whole nanosecond, not before its last byte exists',
          run() {
            for (let number = 0; number < runs; number++) {
              const sent = randomFlows(number)
              for (const [i, endNs] of ends(sent).entries()) {
                const { atNs, toNs, cancelNs } = sent[i]!
                if (cancelNs !== undefined && endNs === undefined) continue
                holds(Number.isInteger(endNs), `Flow ${i} ends at ${endNs} ns.`)
                holds(endNs! >= Math.max(atNs, toNs), `Flow ${i} of ${toNs} ns ends at ${endNs} ns.`)
              }
            }
          },
        },
        {
          name: 'delivers no flow sooner for others beside it, and takes what it estimates for one alone',
          run() {
            for (let number = 0; number < runs; number++) {
              const sent = randomFlows(number).map(({ cancelNs: _, ...flow }) => flow)
              const together = ends(sent)
              for (const [i, flow] of sent.entries()) {
                const [alone] = ends([flow])
                holds(together[i]! >= alone! - sent.length, `Flow ${i} ends at ${together[i]} ns beside others, at ${alone} ns alone.`)
                const now = { ...flow, toNs: flow.atNs, chunks: 1 }
                const estimateNs = cluster(plan()).flows.estimateNs(flow.source, flow.target, flow.bytes, flow.atNs)
                const takenNs = ends([now])[0]! - flow.atNs
                holds(Math.abs(estimateNs - takenNs) <= 1, `Flow ${i} takes ${takenNs} ns, the estimate is ${estimateNs} ns.`)
              }
            }
          },
        },
        {
          name: 'forgets a flow that is cancelled as soon as it is',
          run() {
            for (let number = 0; number < runs; number++) {
              const sent = randomFlows(number).map(({ cancelNs: _, ...flow }) => flow)
              const [first, ...rest] = sent
              const cancelled = ends([{ ...first!, source: 0, target: 5, bytes: 1e6, cancelNs: first!.atNs }, ...rest])
              holds(cancelled[0] === undefined, `A flow that was cancelled ends at ${cancelled[0]} ns.`)
              same(cancelled.slice(1), ends(rest), 'An end', ['beside one that was cancelled', 'without it'])
            }
          },
        },
        {
          name: 'delivers at the same instants again',
          run() {
            for (let number = 0; number < runs; number++) {
              same(ends(randomFlows(number)), ends(randomFlows(number)), 'An end', ['at first', 'the second time'])
            }
          },
        },
        {
          name: 'prices collectives of pools that name no network, and more bytes never take less',
          run() {
            const context = { path: 'fabric', device: linkedDevice, collectives: [], engineRelease: '0.19.0', devicesPerNode: 4 }
            risingPrices(plan().network(context), [2, 3, 4])
          },
        },
        ...runChecks(scenario, runs),
        {
          name: 'carries flows within its budget of time',
          run() {
            const sent = Array.from({ length: 20 }, (_, i) => randomFlows(i)).flat()
            withinBudget('A flow', sent.length, budgetUs, () => void ends(sent))
          },
        },
      ],
    }
  })
}

/** Two nodes of four devices; replicas of two. Endpoints 0–7 are ranks, 8 and 9 hosts. */
const nodes = { ranks: 2, device: linkedDevice.name, devicesPerNode: 4, hostsPerNode: 1, sharesNodes: true }
const placement = placeReplicas([{ count: 4, ...nodes }])

/** The fabric's flows on a clock of their own. */
function cluster(plan: FabricPlan, ended: (flow: number, nowNs: number) => void = () => {}) {
  let wake: (nowNs: number) => void = () => {}
  const alarm = { ns: Number.POSITIVE_INFINITY }
  const flows = plan.build({
    placement,
    pools: [{ name: 'pool', device: linkedDevice, collectiveRanks: 2 }],
    setAlarm: (timeNs) => {
      alarm.ns = timeNs
    },
    onAlarm: (callback) => {
      wake = callback
    },
    ended,
    crowded: () => {},
  })
  /** Rings until then. */
  const ringUntil = (untilNs: number) => {
    for (let rings = 0; alarm.ns <= untilNs; rings++) {
      const nowNs = alarm.ns
      holds(rings < 1e6 && Number.isInteger(nowNs), `The alarm rings again and again, at last at ${nowNs} ns.`)
      alarm.ns = Number.POSITIVE_INFINITY
      wake(nowNs)
    }
  }
  return { flows, ringUntil }
}

/** @returns when each flow ended; undefined where it was cancelled */
function play(plan: FabricPlan, sent: readonly Sent[]): (number | undefined)[] {
  const ends: (number | undefined)[] = sent.map(() => undefined)
  const { flows, ringUntil } = cluster(plan, (flow, nowNs) => {
    holds(ends[flow] === undefined, `Flow ${flow} ends twice, the second time at ${nowNs} ns.`)
    ends[flow] = nowNs
  })
  const acts = sent.flatMap(({ atNs, cancelNs }, flow) => [
    { ns: atNs, flow, cancel: false },
    ...(cancelNs === undefined ? [] : [{ ns: cancelNs, flow, cancel: true }]),
  ])
  for (const { ns, flow, cancel } of acts.sort((a, b) => a.ns - b.ns)) {
    ringUntil(ns)
    const { source, target, bytes, atNs, toNs, chunks } = sent[flow]!
    if (!cancel) flows.start(flow, source, target, bytes, atNs, toNs, chunks, ns)
    else if (ends[flow] === undefined) flows.cancel(flow, ns)
  }
  ringUntil(Number.MAX_VALUE)
  return ends
}

function randomFlows(number: number): Sent[] {
  const draw = new Draw(number, 'flows')
  const last = placement.endpointCount - 1
  return Array.from({ length: 12 }, () => {
    const atNs = draw.integer(0, 20_000)
    const flow = {
      atNs,
      source: draw.integer(0, last),
      target: draw.integer(0, last),
      bytes: draw.of(0, 1000, 1_000_000),
      toNs: atNs + draw.of(0, 0, 15_000),
      chunks: draw.of(1, 8),
    }
    return draw.chance(0.2) ? { ...flow, cancelNs: atNs + draw.integer(0, 30_000) } : flow
  })
}
