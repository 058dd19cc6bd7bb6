import { type CompiledDevice, device, type Model, type Plugin, parseOptions, provenances, Registry } from '@servesim/core'
import { toyModel } from '../toy-model.js'
import { withinBudget } from './budget.js'
import { providerChecks } from './provider.js'
import { register } from './register.js'
import { type Check, holds, optionsFor, type Suite, type SuiteOptions, same } from './suite.js'

const maxBatchedTokens = 256
const maxSequences = 64
/** Compiling happens once per build, which a person waits for. */
const compileBudgetUs = 500_000

export interface DeviceSuite {
  /** What the device is compiled for; devices that were measured with one model name it here. */
  model?: Model
  tensorParallel?: number
  /** Options of the device, where its defaults are not enough. */
  options?: SuiteOptions
}

/** What every device must do, for each device of a plugin. */
export function describeDevice(plugin: Plugin, suite: DeviceSuite = {}): void {
  register(deviceSuites(plugin, suite))
}

export function deviceSuites(plugin: Plugin, { model = toyModel, tensorParallel = 1, options = {} }: DeviceSuite = {}): Suite[] {
  return new Registry([plugin]).all(device).map(({ provided }) => {
    const graph = model.shard({ tensor: tensorParallel, pipeline: 1, expert: 1 }, {})
    const context = { path: 'device', model: model.id, tensorParallel }
    const own = optionsFor(options, provided.name)
    const build = () => provided.build(parseOptions(provided.options, own, 'device'), context)
    const compile = (): CompiledDevice => build().compile(graph, { tensorParallel, maxBatchedTokens, maxSequences })
    const checks: Check[] = [
      ...providerChecks(plugin, device, provided),
      {
        name: 'says what it is and where that was read',
        run() {
          const { spec } = build()
          for (const figure of ['memoryBytes', 'memoryBytesPerSecond', 'bf16FlopPerSecond'] as const)
            holds(Number.isFinite(spec[figure]) && spec[figure] > 0, `${figure} is ${spec[figure]}; expected more than 0.`)
          holds(spec.name !== '', 'The name of the spec is empty.')
          holds(spec.source !== '', 'The source of the spec is empty: say where its figures were read.')
        },
      },
      {
        name: 'prices every operator at every number of rows, and more rows never take markedly less',
        run() {
          const compiled = compile()
          for (const operator of graph.operators) {
            if (operator.kind === 'attention') continue
            const most = operator.kind === 'moe' || operator.rows === 'tokens' ? maxBatchedTokens : maxSequences
            let longest = 0
            for (let rows = 1; rows <= most; rows++) {
              const { ns, provenance, computeFraction = 0 } = compiled.latency(operator, rows)
              const at = `${operator.name} for ${rows} rows`
              holds(Number.isFinite(ns) && ns >= 0, `${at} takes ${ns} ns.`)
              holds(provenances.includes(provenance), `${at} has the provenance "${provenance}"; expected ${provenances.join(', ')}.`)
              holds(computeFraction >= 0 && computeFraction <= 1, `${at} has a computeFraction of ${computeFraction}; expected 0 to 1.`)
              // Measured tables fall a little where a kernel changes.
              holds(ns >= longest / 2, `${at} takes ${ns} ns, fewer rows took ${longest} ns.`)
              longest = Math.max(longest, ns)
            }
          }
        },
      },
      {
        name: 'prices decode attention over ascending contexts, each at least as long as the one before',
        run() {
          const { attention } = compile()
          const contexts = Array.from(attention.contextTokens)
          holds(contexts.length >= 2, `Decode rows are given at ${contexts.length} contexts; expected two and more.`)
          holds(
            contexts.every((context, i) => i === 0 || context > contexts[i - 1]!),
            `The contexts do not ascend: ${contexts.join(', ')}.`,
          )
          holds(provenances.includes(attention.decodeProvenance), `The decode provenance is "${attention.decodeProvenance}".`)
          const rowsOf = (decodes: number) => [
            attention.decodeRowNs(decodes, decodes),
            ...(attention.verifyRowNs === undefined ? [] : [2, 4.5].map((tokens) => attention.verifyRowNs!(decodes, decodes, tokens))),
          ]
          for (const [decodes, row] of [1, 2, 7, maxSequences].flatMap((n) => rowsOf(n).map((each) => [n, each] as const))) {
            holds(row.length === contexts.length, `A row has ${row.length} entries for ${contexts.length} contexts.`)
            for (const [i, ns] of row.entries())
              holds(
                Number.isFinite(ns) && ns >= (row[i - 1] ?? 0),
                `${decodes} decodes at ${contexts[i]} tokens take ${ns} ns, before ${row[i - 1]}.`,
              )
          }
        },
      },
      {
        name: 'prices attention of steps with prefill, also of several prompts at once',
        run() {
          const { attention } = compile()
          for (const newTokens of [1, 2, 100, maxBatchedTokens]) {
            for (const before of [-newTokens / 2, 0, 1000]) {
              for (const decodes of [0, 1, maxSequences]) {
                const { ns, provenance } = attention.mixedNs(newTokens, before, decodes, decodes === 0 ? 0 : 500)
                const at = `${newTokens} tokens behind ${before} beside ${decodes} decodes`
                holds(Number.isFinite(ns) && ns >= 0, `${at} take ${ns} ns.`)
                holds(provenances.includes(provenance), `${at} have the provenance "${provenance}".`)
              }
            }
          }
        },
      },
      {
        name: 'prices the same again',
        run() {
          const prices = () => {
            const { attention, latency } = compile()
            const operators = graph.operators.flatMap((operator) => (operator.kind === 'attention' ? [] : [latency(operator, 17).ns]))
            return [...operators, ...attention.decodeRowNs(5, 5), attention.mixedNs(40, 100, 3, 50).ns]
          }
          same(prices(), prices(), 'A price', ['at first', 'the second time'])
        },
      },
      {
        name: 'compiles within its budget of time',
        run: () => withinBudget('Compiling for a model', 1, compileBudgetUs, () => void compile()),
      },
    ]
    return { title: `device ${provided.name}`, checks }
  })
}
