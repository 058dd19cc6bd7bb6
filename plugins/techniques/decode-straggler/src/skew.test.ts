import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StepCost, StepPrice, StepView } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { decodeStraggler } from './index.js'
import { linkOf, poolContext, priced, stepOf } from './link.fixture.js'
import { decodeLaunch, finishTime, type Machine } from './list-schedule.js'

/** Batches of unequal contexts that LLMServingSim's profiler timed: `nb` sequences at `kv_big`, the rest at `kvs` (specification §4). */
const root = process.env.SERVESIM_DATA ?? join(import.meta.dirname, '../../../../../shared/data')
const profiles = join(root, 'llmservingsim/profiler/perf/RTXPRO6000')

/** Decode kernels of the profiled engine: 188 multiprocessors; a block's speed from the slope of the smallest chunk over context. */
const facts = { streamingMultiprocessors: 188, blockNsPerContextToken: 21, source: 'LLMServingSim profile' }
/** Times of skew.csv are the sum of the profiler's iterations. */
const iterations = 3

interface Row {
  sequences: number
  long: number
  shortContext: number
  longContext: number
  mean: number
  equalNs: number
  unequalNs: number
}

interface Profile {
  name: string
  kvHeads: number
  rows: Row[]
  decodeNs(sequences: number, context: number): number
}

const present = existsSync(profiles)
const kvHeadsOf: Record<string, number> = { 'Llama-3.1-8B': 8, 'Qwen3-30B-A3B-Instruct-2507': 4 }

function loadProfiles(): Profile[] {
  return readdirSync(profiles, { withFileTypes: true })
    .filter((vendor) => vendor.isDirectory())
    .flatMap((vendor) => readdirSync(join(profiles, vendor.name)).map((model) => ({ model, folder: join(profiles, vendor.name, model, 'bf16') })))
    .flatMap(({ model, folder }) => [1, 2].map((tp) => loadProfile(`${model} TP ${tp}`, join(folder, `tp${tp}`), kvHeadsOf[model]! / tp)))
}

function loadProfile(name: string, folder: string, kvHeads: number): Profile {
  const rows = csv(join(folder, 'skew.csv'))
    .filter((r) => r.regime === 'pure')
    .map((r) => ({
      sequences: Number(r.n),
      long: Number(r.nb),
      shortContext: Number(r.kvs),
      longContext: Number(r.kv_big),
      mean: Number(r.kv_mean),
      equalNs: (Number(r.t_mean_us) * 1000) / iterations,
      unequalNs: (Number(r.t_skew_us) * 1000) / iterations,
    }))
  const decode = csv(join(folder, 'attention.csv')).filter((r) => r.prefill_chunk === '0' && r.kv_prefill === '0' && r.n_decode === '128')
  const at = (context: number) => Number(decode.find((r) => Number(r.kv_decode) === context)!.time_us) * 1000
  const slope = (at(4096) - at(2048)) / (2048 * 128)
  return { name, kvHeads, rows, decodeNs: (sequences, context) => slope * sequences * context }
}

function csv(file: string): Record<string, string>[] {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/)
  const names = header!.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i]!, cell])))
}

/** Mean absolute error in percent of the equal batch plus `extraNs`, by batch size. */
function errors(rows: Row[], extraNs: (row: Row) => number): Record<number, number> {
  const sizes = [...new Set(rows.map(({ sequences }) => sequences))]
  return Object.fromEntries(
    sizes.map((size) => {
      const group = rows.filter(({ sequences }) => sequences === size)
      const sum = group.reduce((total, r) => total + Math.abs((r.equalNs + extraNs(r)) / r.unequalNs - 1), 0)
      return [size, +((100 * sum) / group.length).toFixed(2)]
    }),
  )
}

describe.skipIf(!present)(`unequal batches of LLMServingSim's profiles (skipped without ${profiles})`, () => {
  const loaded = present ? loadProfiles() : []

  test.each(loaded)('list scheduling of the true contexts explains $name', ({ name, kvHeads, rows, decodeNs }) => {
    const unsplit = rows.filter((r) => r.sequences * kvHeads >= 0.8 * 2 * facts.streamingMultiprocessors)
    const tokenNs = decodeNs(1, 1) / kvHeads
    const machine: Machine = { slots: facts.streamingMultiprocessors, saturatingBlocks: facts.blockNsPerContextToken / tokenNs }
    const exact = errors(unsplit, (r) => {
      const contexts = Array.from({ length: r.sequences }, (_, i) => (i < r.long ? r.longContext : r.shortContext))
      const equal = decodeLaunch([r.mean], r.sequences * kvHeads)
      return tokenNs * (finishTime(decodeLaunch(contexts, kvHeads), machine) - finishTime(equal, machine))
    })
    console.log(name, 'list schedule', exact)
  })

  test.each(loaded)('the correction from mean and longest context helps where few contexts are long: $name', ({ name, kvHeads, rows, decodeNs }) => {
    const next: StepCost = {
      reads: 'shape',
      price(step: StepView, _startNs: number, out: StepPrice) {
        out.attentionNs = decodeNs(step.decodes, step.decodeContextSum / step.decodes)
      },
      priceRun() {},
    }
    const cost = linkOf(decodeStraggler, 'decode-straggler').wrap(next, poolContext({ straggler: facts, kvHeads, layers: 1, maxSequences: 256, maxBatchedTokens: 2048 }))
    const extra = (r: Row) => {
      const step = stepOf({ decodes: r.sequences, decodeContextSum: r.sequences * r.mean, longestDecodeContext: r.longContext })
      return priced(cost, step).attentionNs - priced(next, step).attentionNs
    }
    for (const [what, some] of [['all', rows],['few long', rows.filter((r) => r.long * 16 <= r.sequences)]] as const) {
      console.log(name, what, 'none', errors(some, () => 0), 'corrected', errors(some, extra))
    }
  })
})
