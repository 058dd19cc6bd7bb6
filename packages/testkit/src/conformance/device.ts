import { type CompiledDevice, device, type Model, type Plugin, parseOptions, provenances, Registry } from '@servesim/core'
import { describe, expect, it } from 'vitest'
import { toyModel } from '../toy-model.js'

const maxBatchedTokens = 256
const maxSequences = 64

export interface DeviceSuite {
  /** What the device is compiled for; devices that were measured with one model name it here. */
  model?: Model
  tensorParallel?: number
  /** Options of the device, where its defaults are not enough. */
  options?: Record<string, unknown>
}

/** What every device must do, for each device of a plugin. */
export function describeDevice(plugin: Plugin, { model = toyModel, tensorParallel = 1, options = {} }: DeviceSuite = {}): void {
  for (const { provided } of new Registry([plugin]).all(device)) {
    describe(`device ${provided.name}`, () => {
      const graph = model.shard({ tensor: tensorParallel, pipeline: 1, expert: 1 }, {})
      const build = () =>
        provided.build(parseOptions(provided.options, options, 'device'), { path: 'device', model: model.id, tensorParallel })
      const compile = (): CompiledDevice => build().compile(graph, { tensorParallel, maxBatchedTokens, maxSequences })

      it('says what it is and where that was read', () => {
        const { spec } = build()
        for (const figure of [spec.memoryBytes, spec.memoryBytesPerSecond, spec.bf16FlopPerSecond]) expectPositive(figure)
        expect(spec.name).not.toBe('')
        expect(spec.source).not.toBe('')
      })

      it('prices every operator at every number of rows, and more rows never take markedly less', () => {
        const compiled = compile()
        for (const operator of graph.operators) {
          if (operator.kind === 'attention') continue
          const most = operator.kind === 'moe' || operator.rows === 'tokens' ? maxBatchedTokens : maxSequences
          let longest = 0
          for (let rows = 1; rows <= most; rows++) {
            const { ns, provenance, computeFraction = 0 } = compiled.latency(operator, rows)
            expect(Number.isFinite(ns) && ns >= 0, `${operator.name} takes ${ns} ns for ${rows} rows`).toBe(true)
            expect(provenances).toContain(provenance)
            expect(computeFraction >= 0 && computeFraction <= 1).toBe(true)
            // Measured tables fall a little where a kernel changes.
            expect(ns, `${operator.name} for ${rows} rows`).toBeGreaterThanOrEqual(longest / 2)
            longest = Math.max(longest, ns)
          }
        }
      })

      it('prices decode attention over ascending contexts, each at least as long as the one before', () => {
        const { attention } = compile()
        const contexts = Array.from(attention.contextTokens)
        expect(contexts.length).toBeGreaterThanOrEqual(2)
        expect(contexts).toEqual([...new Set(contexts)].sort((a, b) => a - b))
        expect(provenances).toContain(attention.decodeProvenance)
        for (const decodes of [1, 2, 7, maxSequences]) {
          const row = attention.decodeRowNs(decodes, decodes)
          expect(row.length).toBe(contexts.length)
          for (const [i, ns] of row.entries()) {
            expect(Number.isFinite(ns) && ns >= (row[i - 1] ?? 0), `${ns} ns at ${contexts[i]} tokens`).toBe(true)
          }
        }
      })

      it('prices attention of steps with prefill, also of several prompts at once', () => {
        const { attention } = compile()
        for (const newTokens of [1, 2, 100, maxBatchedTokens]) {
          for (const context of [-newTokens / 2, 0, 1000]) {
            for (const decodes of [0, 1, maxSequences]) {
              const { ns, provenance } = attention.mixedNs(newTokens, context, decodes, decodes === 0 ? 0 : 500)
              expect(Number.isFinite(ns) && ns >= 0, `${ns} ns for ${newTokens} tokens behind ${context} beside ${decodes} decodes`).toBe(
                true,
              )
              expect(provenances).toContain(provenance)
            }
          }
        }
      })

      it('prices the same again', () => {
        const prices = () => {
          const { attention, latency } = compile()
          const operators = graph.operators.flatMap((operator) => (operator.kind === 'attention' ? [] : [latency(operator, 17).ns]))
          return [...operators, ...attention.decodeRowNs(5, 5), attention.mixedNs(40, 100, 3, 50).ns]
        }
        expect(prices()).toEqual(prices())
      })
    })
  }
}

function expectPositive(figure: number): void {
  expect(Number.isFinite(figure) && figure > 0, String(figure)).toBe(true)
}
