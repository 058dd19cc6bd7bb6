import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DeviceSpec, StepCost, StragglerFacts } from '@servesim/core'
import { bundleDevice } from '@servesim/profile'
import { importLlmservingsim } from '@servesim/profile/node'
import { describe, expect, test } from 'vitest'
import { decodeStraggler } from './index.js'
import { linkOf, poolContext, priced, stepOf } from './link.fixture.js'
import { issueOrder, kernelNs } from './list-schedule.js'

/** LLMServingSim's profiles of the RTX PRO 6000, with batches of unequal contexts that its profiler timed (its specification §4). */
const profiles = join(process.env.SERVESIM_DATA ?? join(import.meta.dirname, '../../../../../shared/data'), 'llmservingsim/profiler/perf')

const spec: DeviceSpec = {
  name: 'rtx-pro-6000',
  vendor: 'nvidia',
  memoryBytes: 97_887 * 2 ** 20,
  memoryBytesPerSecond: 1.792e12,
  bf16FlopPerSecond: 467.8e12,
  streamingMultiprocessors: 188,
  source: 'data sheet',
}

/** Times of skew.csv are the sum of the profiler's iterations. */
const iterations = 3

/** `long` of the sequences are at `longContext`, the others at `shortContext`; beside them a chunk of `prefillTokens`. */
interface Row {
  sequences: number
  long: number
  shortContext: number
  longContext: number
  mean: number
  prefillTokens: number
  equalNs: number
  unequalNs: number
}

interface Profile {
  name: string
  kvHeads: number
  facts: StragglerFacts
  rows: Row[]
}

const models = [
  { model: 'meta-llama/Llama-3.1-8B', heads: 8 },
  { model: 'Qwen/Qwen3-30B-A3B-Instruct-2507', heads: 4 },
]

function loadProfile(model: string, tensorParallel: number, kvHeads: number): Profile {
  const bundle = importLlmservingsim(profiles, { model, tensorParallel })
  const facts = bundleDevice(bundle, spec, { path: 'device', model, tensorParallel }).straggler!
  const [header, ...lines] = readFileSync(join(profiles, 'RTXPRO6000', model, `bf16/tp${tensorParallel}/skew.csv`), 'utf8')
    .trim()
    .split(/\r?\n/)
  const names = header!.split(',')
  const rows = lines.map((line): Row => {
    const cells = line.split(',')
    const cell = (name: string) => Number(cells[names.indexOf(name)])
    return {
      sequences: cell('n'),
      long: cell('nb'),
      shortContext: cell('kvs'),
      longContext: cell('kv_big'),
      mean: cell('kv_mean'),
      prefillTokens: cell('pc'),
      equalNs: (cell('t_mean_us') * 1000) / iterations,
      unequalNs: (cell('t_skew_us') * 1000) / iterations,
    }
  })
  return { name: `${model.split('/')[1]} TP ${tensorParallel}`, kvHeads, facts, rows }
}

/** Error of the equal batch plus `extraNs` against the measured one, in percent: mean of its size, and mean. */
function errors(rows: Row[], extraNs: (row: Row) => number): { size: number; bias: number } {
  const all = rows.map((r) => 100 * ((r.equalNs + extraNs(r)) / r.unequalNs - 1))
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return { size: mean(all.map(Math.abs)), bias: mean(all) }
}

const none = () => 0
const free: StepCost = {
  reads: 'shape',
  price(_step, _startNs, out) {
    out.attentionNs = 0
  },
  priceRun() {},
}

/** The link's extra time, which knows the mean and the longest context only. */
function correction({ facts, kvHeads }: Profile): (row: Row) => number {
  const link = linkOf(decodeStraggler, 'decode-straggler')
  const cost = link.wrap(free, poolContext({ straggler: facts, kvHeads, layers: 1, maxSequences: 256 }))
  return (r) => {
    const prefills = r.prefillTokens > 0 ? 1 : 0
    const decodes = { decodes: r.sequences, decodeContextSum: r.sequences * r.mean, longestDecodeContext: r.longContext }
    return priced(cost, stepOf({ ...decodes, prefills, prefillTokens: r.prefillTokens })).attentionNs
  }
}

/** The extra time of the true contexts, long ones first, where the kernel splits no sequence. */
function exact({ facts, kvHeads }: Profile): (row: Row) => number {
  const kernel = {
    multiprocessors: facts.streamingMultiprocessors,
    kvHeads,
    blockNs: facts.blockNsPerContextToken,
    sharedNs: facts.sharedNsPerContextToken / kvHeads,
  }
  return (r) => {
    const contexts = Float64Array.from({ length: r.sequences }, (_, i) => (i < r.long ? r.longContext : r.shortContext))
    const equal = new Float64Array(r.sequences).fill(r.mean)
    return kernelNs(issueOrder(contexts, kvHeads, 1), kernel) - kernelNs(issueOrder(equal, kvHeads, 1), kernel)
  }
}

describe.skipIf(!existsSync(profiles))(
  'batches of unequal contexts that LLMServingSim timed (skipped where SERVESIM_DATA has none)',
  () => {
    const loaded = existsSync(profiles) ? models.flatMap(({ model, heads }) => [1, 2].map((tp) => loadProfile(model, tp, heads / tp))) : []

    test.each(loaded)('scheduling the true contexts explains batches that are not split: $name', (profile) => {
      const unsplit = profile.rows.filter(
        (r) => r.prefillTokens === 0 && r.sequences * profile.kvHeads >= 1.6 * spec.streamingMultiprocessors!,
      )
      expect(errors(unsplit, exact(profile)).size).toBeLessThan(0.5 * errors(unsplit, none).size)
      expect(errors(unsplit, exact(profile)).size).toBeLessThan(3)
    })

    // The profiler puts the long contexts first, the link expects them anywhere: with two heads that is half the kernel.
    const several = loaded.filter(({ kvHeads }) => kvHeads > 2)
    test.each(several)('knowing the mean and the longest is enough for most of it: $name', (profile) => {
      const unsplit = profile.rows.filter(
        (r) => r.prefillTokens === 0 && r.sequences * profile.kvHeads >= 1.6 * spec.streamingMultiprocessors!,
      )
      expect(errors(unsplit, correction(profile)).size).toBeLessThan(0.6 * errors(unsplit, none).size)
    })

    test.each(loaded)('beside prefill the kernel splits no sequence, and the bias of 3–15 % goes: $name', (profile) => {
      for (const sequences of [32, 64, 128]) {
        const rows = profile.rows.filter((r) => r.prefillTokens > 0 && r.sequences === sequences)
        expect(errors(rows, none).bias, `${sequences}`).toBeLessThan(-3)
        expect(Math.abs(errors(rows, correction(profile)).bias), `${sequences}`).toBeLessThan(0.5 * Math.abs(errors(rows, none).bias))
        expect(errors(rows, correction(profile)).size, `${sequences}`).toBeLessThan(errors(rows, none).size)
      }
    })
  },
)
