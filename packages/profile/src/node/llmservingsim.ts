import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ServesimError } from '@servesim/core'
import type { Bundle, CollectiveSamples, MoeSamples, OperatorSamples, ShardTables } from '../bundle.js'
import { type CsvTable, parseCsv } from '../csv.js'
import type { BundleImporter } from '../importer.js'
import { type BundleIdentity, type BundleSelection, selectBundle } from '../select.js'
import { bundleColumns, collectiveSamples, moeSamples, operatorSamples, type TableColumns } from '../tables.js'
import { findFolders, readIfPresent, subfolders } from './files.js'
import { attentionColumns, readAttention } from './llmservingsim-attention.js'
import { type ProfileMeta, readMeta } from './llmservingsim-meta.js'

/** `perf/<hardware>/<organisation>/<model>/<variant>` (LLMServingSim 2, `profiler/`). */
const layoutDepth = 4
const metaFile = 'meta.yaml'

/**
 * vLLM release under which the profile's `collectives.csv` was measured where the caller does not say: the file came to that project in
 * September 2026 with its move to 0.28, months after the operator tables.
 */
const defaultCollectivesRelease = '0.28'

/** Layers that tensor parallelism does not split; the profiler marks them `tp_stable` and its simulator reads them from `tp1`. */
const unsplitLayers = ['layernorm', 'final_layernorm', 'sampler', 'qk_norm']

const columns: TableColumns = {
  ...bundleColumns,
  operator: 'layer',
  newTokens: 'prefill_chunk',
  context: 'kv_prefill',
  decodes: 'n_decode',
  decodeContext: 'kv_decode',
  latency: 'time_us',
}

interface Profile extends BundleIdentity {
  folder: string
  meta: ProfileMeta
}

export interface LlmservingsimOptions {
  collectivesRelease?: string
}

/** The layout of LLMServingSim's `profiler/perf`, from any folder of it: hardware, model, variant or one degree. */
export const llmservingsim: BundleImporter = {
  name: 'llmservingsim',
  description: "Profiles in the layout of LLMServingSim's profiler/perf.",
  recognises: (folder) => variantFolders(folder).length > 0,
  list: (folder) =>
    findProfiles(folder).map(({ device, model, dtype, kvCacheDtype, tensorParallel }) => ({
      device,
      model,
      dtype,
      kvCacheDtype,
      tensorParallel,
    })),
  import: (folder, selection) => importLlmservingsim(folder, selection),
}

/**
 * @throws ServesimError as `selectBundle`; SERVESIM_BAD_BUNDLE naming the file where a table is missing, and the line where one is damaged
 */
export function importLlmservingsim(folder: string, selection: BundleSelection = {}, options: LlmservingsimOptions = {}): Bundle {
  const profile = selectBundle(findProfiles(folder), selection, folder)
  const { meta, tensorParallel } = profile
  const degrees = selection.tensorParallel === undefined ? tensorParallel : [selection.tensorParallel]
  const collectives = readCollectives(profile.folder)
  return {
    manifest: {
      schemaVersion: 1,
      device: profile.device,
      ...(meta.gpu === undefined ? {} : { deviceName: meta.gpu }),
      model: profile.model,
      dtype: profile.dtype,
      kvCacheDtype: profile.kvCacheDtype,
      tensorParallel: degrees as [number, ...number[]],
      engine: { name: 'vllm', release: meta.vllm_version },
      software: meta.cuda_version === undefined ? {} : { cuda: meta.cuda_version },
      ...(meta.profiled_at === undefined ? {} : { measuredAt: meta.profiled_at }),
      profiler: { name: 'llmservingsim', release: meta.profiler_version },
      measurementIterations: meta.measurement_iterations,
      units: { latency: 'us' },
      launch: meta.engine_effective.enforce_eager ? 'eager' : 'graph',
      ...(meta.engine_effective.max_num_batched_tokens === undefined
        ? {}
        : { maxBatchedTokens: meta.engine_effective.max_num_batched_tokens }),
      ...(meta.engine_effective.max_num_seqs === undefined ? {} : { maxSequences: meta.engine_effective.max_num_seqs }),
      ...(meta.engine_effective.block_size === undefined ? {} : { blockSizeTokens: meta.engine_effective.block_size }),
      straggler: { enabled: meta.skew_fit.enabled },
      ...(collectives.length === 0 ? {} : { collectivesRelease: options.collectivesRelease ?? defaultCollectivesRelease }),
      notes: ['Degrees above 1 were measured on one device with the shapes of one rank: communication is not in the tables.'],
    },
    shards: degrees.map((degree) => readShard(profile.folder, degree)),
    ...readMoe(join(profile.folder, 'tp1', 'moe.csv')),
    collectives,
  }
}

function findProfiles(folder: string): Profile[] {
  return variantFolders(folder).flatMap((variant) => {
    const all = subfolders(variant).flatMap((name) => {
      const degree = /^tp([1-9]\d*)$/.exec(name)?.[1]
      return degree === undefined ? [] : [Number(degree)]
    })
    const here = /^tp([1-9]\d*)$/.exec(basename(resolve(folder)))?.[1]
    const tensorParallel = (here === undefined ? all : [Number(here)]).sort((a, b) => a - b)
    if (tensorParallel.length === 0) return []
    const meta = readMeta(join(variant, metaFile))
    const [dtype, kv] = basename(variant).split('-kv')
    const parents = { model: dirname(variant), organisation: dirname(dirname(variant)), hardware: dirname(dirname(dirname(variant))) }
    return [
      {
        folder: variant,
        meta,
        device: meta.hardware ?? basename(parents.hardware),
        model: meta.model ?? `${basename(parents.organisation)}/${basename(parents.model)}`,
        dtype: dtype!,
        kvCacheDtype: kv ?? 'auto',
        tensorParallel,
      },
    ]
  })
}

/** A `tp<N>` folder stands for its variant. */
function variantFolders(folder: string): string[] {
  const path = resolve(folder)
  if (/^tp[1-9]\d*$/.test(basename(path)) && existsSync(join(dirname(path), metaFile))) return [dirname(path)]
  return findFolders(path, (candidate) => existsSync(join(candidate, metaFile)), layoutDepth)
}

function readShard(variant: string, degree: number): ShardTables {
  const folder = join(variant, `tp${degree}`)
  const tokens = (at: string) =>
    operatorSamples(readTable(join(at, 'dense.csv'), [columns.operator, columns.tokens, columns.latency]), columns.tokens, columns)
  const sequences = (at: string) =>
    operatorSamples(
      readTable(join(at, 'per_sequence.csv'), [columns.operator, columns.sequences, columns.latency]),
      columns.sequences,
      columns,
    )
  const unsplit = join(variant, 'tp1')
  const shared = degree > 1 && existsSync(unsplit)
  return {
    tensorParallel: degree,
    tokens: shared ? withUnsplit(tokens(folder), tokens(unsplit)) : tokens(folder),
    sequences: shared ? withUnsplit(sequences(folder), sequences(unsplit)) : sequences(folder),
    attention: readAttention(readTable(join(folder, 'attention.csv'), attentionColumns(columns)), columns),
  }
}

function withUnsplit(own: OperatorSamples[], single: OperatorSamples[]): OperatorSamples[] {
  const replaced = own.map((samples) =>
    unsplitLayers.includes(samples.operator) ? (single.find((s) => s.operator === samples.operator) ?? samples) : samples,
  )
  const added = single.filter((s) => unsplitLayers.includes(s.operator) && !own.some((samples) => samples.operator === s.operator))
  return [...replaced, ...added]
}

function readTable(path: string, required: readonly string[]): CsvTable {
  const text = readIfPresent(path)
  if (text === undefined)
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      path,
      'The table is missing.',
      'Copy it, or measure it with the profiler that made the others.',
    )
  return parseCsv(text, path, required)
}

/** The profiler measures experts once, whole, beside the tables of degree 1. */
function readMoe(path: string): { moe?: MoeSamples } {
  const text = readIfPresent(path)
  return text === undefined
    ? {}
    : { moe: moeSamples(parseCsv(text, path, [columns.tokens, columns.activatedExperts, columns.latency]), columns) }
}

function readCollectives(variant: string): CollectiveSamples[] {
  for (let folder = variant, up = 0; up < layoutDepth; up++, folder = dirname(folder)) {
    const path = join(folder, 'collectives.csv')
    const text = readIfPresent(path)
    if (text !== undefined)
      return collectiveSamples(parseCsv(text, path, [columns.collective, columns.ranks, columns.bytes, columns.latency]), columns, path)
  }
  return []
}
