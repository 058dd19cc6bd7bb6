import {
  createRandomSource,
  createSimulation,
  emptyDraft,
  type Plugin,
  parseOptions,
  Registry,
  type SimulationInput,
  type Workload,
  workload,
} from '@servesim/core'
import { checkEnd } from '../invariants.js'
import { outcomeOf } from '../outcome.js'
import { toyParts } from '../scenario.js'
import { fastestMs } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { holds, optionsFor, type Suite, type SuiteOptions, same } from './suite.js'

const blockSizeTokens = 4
/** Requests that are looked at; a stream may go on after them. */
const most = 2000
const serviceNs = 1_000_000
const budgetUs = 200

interface Drawn {
  arrivalNs: number
  promptTokens: number
  outputTokens: number
  priority: number
  prefixIds: number[]
}

/** What every workload must do, for each workload of a plugin. @param options of the workload, where its defaults are not enough */
export function describeWorkload(plugin: Plugin, options: SuiteOptions = {}): void {
  register(workloadSuites(plugin, options))
}

export function workloadSuites(plugin: Plugin, allOptions: SuiteOptions = {}): Suite[] {
  return new Registry([plugin]).all(workload).map(({ provided }) => {
    const options = optionsFor(allOptions, provided.name)
    const build = (seed: number): Workload =>
      provided.build(parseOptions(provided.options, options, 'workload'), { random: createRandomSource(seed), blockSizeTokens })
    const scenario = (seed: number): SimulationInput => ({
      seed,
      workload: { use: provided.name, ...options },
      pools: [{ model: 'toy', device: 'toy-device', scheduler: { use: 'toy-scheduler' }, memory: { numGpuBlocksOverride: 20_000 } }],
      plugins: [toyParts, plugin],
    })
    return {
      title: `workload ${provided.name}`,
      checks: [
        ...providerChecks(plugin, workload, provided),
        {
          name: 'gives requests in order of arrival, each with a prompt and an output',
          run() {
            const built = build(1)
            const drawn = drain(built)
            holds(drawn.length > 0, 'It gives no request at all.')
            for (const [i, request] of drawn.entries()) {
              const { arrivalNs, promptTokens, outputTokens, priority, prefixIds } = request
              const before = drawn[i - 1]?.arrivalNs ?? 0
              holds(
                Number.isSafeInteger(arrivalNs) && arrivalNs >= before,
                `Request ${i} arrives at ${arrivalNs} ns, the one before at ${before} ns.`,
              )
              holds(Number.isSafeInteger(promptTokens) && promptTokens >= 1, `Request ${i} has ${promptTokens} prompt tokens.`)
              holds(Number.isSafeInteger(outputTokens) && outputTokens >= 1, `Request ${i} has ${outputTokens} output tokens.`)
              holds(Number.isFinite(priority), `Request ${i} has the priority ${priority}.`)
              holds(
                prefixIds.every((id) => id >= 0),
                `Request ${i} has a negative prefix id.`,
              )
              const covered = prefixIds.length * built.prefixGroupTokens
              holds(covered <= promptTokens + outputTokens, `Request ${i} has ids for ${covered} tokens of ${promptTokens + outputTokens}.`)
            }
            const { requestCount } = build(1)
            holds(
              requestCount === undefined || drawn.length === Math.min(most, requestCount),
              `It announces ${requestCount} requests and gives ${drawn.length}.`,
            )
          },
        },
        {
          name: 'gives the same requests for the same seed',
          run() {
            same(drain(build(7)), drain(build(7)), 'The stream', ['at first', 'the second time'])
          },
        },
        {
          name: 'is served to its end, the same however many steps core takes in one go',
          run() {
            const [fast, plain] = [createSimulation(scenario(3)), createSimulation(scenario(3), { stretches: false })]
            for (const simulation of [fast, plain]) {
              simulation.run()
              checkEnd(simulation)
            }
            same(outcomeOf(fast).exact, outcomeOf(plain).exact, 'The run', ['in stretches', 'step by step'])
          },
        },
        {
          name: 'gives requests within its budget of time',
          run() {
            let given = 1
            const eachUs =
              (fastestMs(() => {
                given = drain(build(1)).length
              }) *
                1000) /
              given
            holds(eachUs <= budgetUs, `A request takes ${eachUs.toFixed(1)} µs, the budget is ${budgetUs} µs.`)
          },
        },
      ],
    }
  })
}

/** All that a stream gives, at most `most`; what it waits for ends a little after the last arrival. */
function drain(built: Workload): Drawn[] {
  const draft = emptyDraft()
  const drawn: Drawn[] = []
  let nowNs = 0
  let ended = 0
  while (drawn.length < most) {
    const answer = built.next(draft)
    if (answer === 0) break
    if (answer === 2) {
      holds(ended < drawn.length, `After ${drawn.length} requests, all of them ended, it still waits for an end.`)
      nowNs += serviceNs
      built.onEnd?.(ended++, nowNs)
      continue
    }
    nowNs = Math.max(nowNs, draft.arrivalNs)
    const ids = draft.prefixIds === undefined ? [] : Array.from(draft.prefixIds.subarray(0, draft.prefixIdCount))
    drawn.push({
      arrivalNs: draft.arrivalNs,
      promptTokens: draft.promptTokens,
      outputTokens: draft.outputTokens,
      priority: draft.priority,
      prefixIds: ids,
    })
  }
  return drawn
}
