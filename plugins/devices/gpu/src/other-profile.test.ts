import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { catalogue } from '@servesim/models'
import { describe, expect, it } from 'vitest'
import { analyticDevice } from './analytic-device.js'
import { analyticGpu } from './analytic-gpus.js'

const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))
const profile = `${data}/llmservingsim/profiler/perf/RTXPRO6000/meta-llama/Llama-3.1-8B/bf16/tp1`

/** Rows of one of the profile's tables; none where the data is absent and the tests are skipped. */
const rowsOf = (file: string) =>
  existsSync(profile)
    ? readFileSync(`${profile}/${file}`, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(','))
    : []

function medianPercent(pairs: { us: number; measured: number }[]): number {
  const errors = pairs.map(({ us, measured }) => 100 * Math.abs(us / measured - 1)).sort((a, b) => a - b)
  return errors[Math.floor(errors.length / 2)]!
}

// Another project's profile of the same chip, which read weights and KV from memory; needs LLMServingSim's data at SERVESIM_DATA. Matrix
// products, decode and prefill are independent of it; how mixed steps share L2 was chosen on its mixed rows.
describe.skipIf(!existsSync(profile))('on a profile of Llama-3.1-8B by another project, the analytic rtx-pro-6000', () => {
  const graph = catalogue.resolve('meta-llama/Llama-3.1-8B')!.shard({ tensor: 1, pipeline: 1, expert: 1 }, {})
  const limits = { tensorParallel: 1, maxBatchedTokens: 2048, maxSequences: 256 }
  const device = analyticDevice(analyticGpu('rtx-pro-6000', '0.24'), 'pools[0].device').compile(graph, limits)
  const attention = rowsOf('attention.csv').map((row) => row.map(Number) as [number, number, number, number, number])

  it.each(['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'])('errs by less than 10 %% (median) on %s', (name) => {
    const operator = graph.operators.find((o) => o.name === name)
    if (operator?.kind !== 'gemm') throw new Error(`${name} is missing`)
    const rows = rowsOf('dense.csv').filter((row) => row[0] === name)
    const pairs = rows.map(([, tokens, us]) => ({ us: device.latency(operator, Number(tokens)).ns / 1e3, measured: Number(us) }))
    expect(medianPercent(pairs)).toBeLessThan(10)
  })

  it('errs by less than 5 % (median) on decode attention', () => {
    const { contextTokens } = device.attention
    const pairs = attention
      .filter(([chunk]) => chunk === 0)
      .map(([, , decodes, context, measured]) => {
        const row = device.attention.decodeRowNs(decodes, decodes)
        const i = Math.max(0, contextTokens.findIndex((tokens) => tokens >= context) - 1)
        const [x0, x1] = [contextTokens[i]!, contextTokens[i + 1]!]
        return { us: (row[i]! + ((row[i + 1]! - row[i]!) * (context - x0)) / (x1 - x0)) / 1e3, measured }
      })
    expect(medianPercent(pairs)).toBeLessThan(5)
  })

  it('errs by less than 10 % (median) on prefill over a context, and on prefill beside decodes', () => {
    const pairsOf = (keep: (decodes: number) => boolean) =>
      attention
        .filter(([chunk, , decodes]) => chunk > 0 && keep(decodes))
        .map(([chunk, before, decodes, context, measured]) => ({
          us: device.attention.mixedNs(chunk, before, decodes, context).ns / 1e3,
          measured,
        }))
    expect(medianPercent(pairsOf((decodes) => decodes === 0))).toBeLessThan(10)
    expect(medianPercent(pairsOf((decodes) => decodes > 0))).toBeLessThan(10)
  })
})
