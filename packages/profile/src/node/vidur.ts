import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ServesimError } from '@servesim/core'
import type { Bundle, ShardTables } from '../bundle.js'
import { type CsvTable, parseCsv } from '../csv.js'
import type { BundleImporter } from '../importer.js'
import { type BundleIdentity, type BundleSelection, selectBundle } from '../select.js'
import { type AttentionRow, attentionRows } from './attention-rows.js'
import { findFolders, readIfPresent } from './files.js'
import { type Sample, samplesOf, scaledSamples, sumOf } from './samples.js'
import { readVidurCollectives, vidurChips } from './vidur-machines.js'

/** `compute/<gpu>/<organisation>/<model>`; a later layout (Frontier) calls the table of linear operators `linear_op.csv`. */
const layoutDepth = 4
const linearFiles = ['mlp.csv', 'linear_op.csv']
const attentionFile = 'attention.csv'
/** Vocabularies are projected for the sequences of a step; more than this many no engine runs at once. */
const mostSequences = 1024

const tokenOperators: Readonly<Record<string, readonly string[]>> = {
  embedding: ['emb'],
  qkv_proj: ['attn_pre_proj'],
  rotary_emb: ['attn_rope'],
  o_proj: ['attn_post_proj'],
  gate_up_proj: ['mlp_up_proj'],
  act_fn: ['mlp_act'],
  down_proj: ['mlp_down_proj'],
  final_layernorm: ['input_layernorm'],
}

interface Profile extends BundleIdentity {
  folder: string
}

/** Vidur's `data/profiling`: kernels of one layer by token count and degree, milliseconds. */
export const vidur: BundleImporter = {
  name: 'vidur',
  description: "Profiles in the layout of Vidur's data/profiling.",
  recognises: (folder) => modelFolders(folder).length > 0,
  list: (folder) => findProfiles(folder),
  import: importVidur,
}

/** @throws ServesimError as `selectBundle`; SERVESIM_BAD_BUNDLE naming the file where a table is missing or damaged */
export function importVidur(folder: string, selection: BundleSelection = {}): Bundle {
  const profile = selectBundle(findProfiles(folder), selection, folder) as Profile
  const { device, model, dtype, kvCacheDtype } = profile
  const linear = readLinear(profile.folder)
  const attention = readTable(
    join(profile.folder, attentionFile),
    'Attention of this model was not measured; without it no step can be priced. Measure it, or import another model.',
  )
  const degrees = selection.tensorParallel === undefined ? profile.tensorParallel : [selection.tensorParallel]
  const notes = new Set<string>()
  const shards = degrees.map((degree) => readShard(linear, attention, degree, notes))
  const chip = vidurChips[device.toLowerCase()]
  return {
    manifest: {
      schemaVersion: 1,
      device,
      ...(chip !== undefined && { chip }),
      model,
      dtype,
      kvCacheDtype,
      tensorParallel: degrees as [number, ...number[]],
      engine: { name: 'sarathi-serve', release: 'unknown' },
      software: {},
      profiler: { name: 'vidur', release: basename(linear.path) === 'mlp.csv' ? '1' : 'frontier' },
      measurementIterations: 1,
      units: { latency: 'us' },
      launch: 'eager',
      straggler: { enabled: false },
      derived: { lm_head: 'extrapolated' },
      notes: [
        ...notes,
        'How often each point was timed is not stored in these tables.',
        'Chunks and decodes were measured apart: a step with both costs the sum.',
      ],
    },
    shards,
    collectives: readVidurCollectives(profile.folder, device),
  }
}

function findProfiles(folder: string): Profile[] {
  return modelFolders(folder).map((path) => ({
    folder: path,
    ...namesOf(path),
    dtype: 'fp16',
    kvCacheDtype: 'auto',
    tensorParallel: degreesOf(readLinear(path).table),
  }))
}

/** Models stand below their organisation; in the later layout without one. */
function namesOf(path: string): { device: string; model: string } {
  const [model, parent, above] = [path, dirname(path), dirname(dirname(path))].map((folder) => basename(folder)) as [string, string, string]
  return above === 'compute' ? { device: parent, model } : { device: above, model: `${parent}/${model}` }
}

function modelFolders(folder: string): string[] {
  const isModel = (path: string) => linearFiles.some((name) => existsSync(join(path, name)))
  return findFolders(resolve(folder), isModel, layoutDepth + 1)
}

function degreesOf(table: CsvTable): number[] {
  return [...new Set(table.numbers('num_tensor_parallel_workers'))].sort((a, b) => a - b)
}

interface Linear {
  path: string
  table: CsvTable
}

function readLinear(folder: string): Linear {
  const path = linearFiles.map((name) => join(folder, name)).find((candidate) => existsSync(candidate))!
  return { path, table: readTable(path, 'Copy the profile again.') }
}

function readTable(path: string, hint: string): CsvTable {
  const text = readIfPresent(path)
  if (text === undefined) throw new ServesimError('SERVESIM_BAD_BUNDLE', path, 'The table is missing.', hint)
  // Later tables hold lists of lengths in quotes, of which nothing is asked.
  return parseCsv(
    text.replaceAll(/"[^"\n]*"/g, (list) => list.replaceAll(',', ';')),
    path,
    ['num_tensor_parallel_workers'],
  )
}

/** Mean time of a kernel at each row, µs; NaN where it was not timed. */
function timesUs(table: CsvTable, kernel: string): number[] {
  const name = `time_stats.${kernel}.mean`
  return table.header.includes(name) ? table.text(name).map((cell) => (cell === '' ? Number.NaN : Number(cell) * 1e3)) : []
}

function readShard({ table, path }: Linear, attention: CsvTable, degree: number, notes: Set<string>): ShardTables {
  const degrees = table.numbers('num_tensor_parallel_workers')
  const tokens = table.numbers('num_tokens')
  const layer = (kernel: string) => {
    const samples = timesUs(table, kernel).flatMap((us, i): Sample[] =>
      degrees[i] === degree && Number.isFinite(us) ? [{ rows: tokens[i]!, us }] : [],
    )
    return samples.length === 0 ? [] : [samplesOf(kernel, samples)]
  }
  const operators = Object.entries(tokenOperators).flatMap(([operator, kernels]) => {
    const parts = kernels.flatMap(layer)
    return parts.length === kernels.length ? [sumOf(operator, parts)] : []
  })
  // Both norms of a layer, and behind each of them the addition of the residual, which this engine does in a kernel of its own.
  const norms = ['input_layernorm', 'post_attention_layernorm'].flatMap(layer)
  if (norms.length > 0) {
    const mean = scaledSamples('layernorm', sumOf('layernorm', norms), 1 / norms.length)
    operators.push(sumOf('layernorm', [mean, ...layer('add')]))
  }
  const up = operators.find((samples) => samples.operator === 'gate_up_proj')
  if (up === undefined)
    throw new ServesimError('SERVESIM_BAD_BUNDLE', path, `No time of mlp_up_proj at degree ${degree}.`, 'Measure the whole model.')
  const width = (name: string) => table.numbers(name)[0]!
  const upWidth = width('n_expanded_embd') * (table.text('use_gated_mlp')[0]?.toLowerCase() === 'true' ? 2 : 1)
  const factor = width('vocab_size') / upWidth
  notes.add(`Extrapolated: lm_head is mlp_up_proj × ${factor.toFixed(3)}, by its width; it was not measured.`)
  notes.add('Choosing tokens was not measured and costs nothing.')
  const few = up.rows.filter((rows) => rows <= mostSequences).length
  const head = { operator: 'lm_head', rows: up.rows.slice(0, few), latencyUs: up.latencyUs.slice(0, few) }
  return {
    tensorParallel: degree,
    tokens: operators,
    sequences: [scaledSamples('lm_head', head, factor)],
    attention: attentionRows(attentionOf(attention, degree)),
  }
}

/** One layer's attention, with the copies around it: reshapes and writing the cache. Steps of several unequal prompts are left out. */
function attentionOf(table: CsvTable, degree: number): AttentionRow[] {
  const degrees = table.numbers('num_tensor_parallel_workers')
  const isPrefill = table.text('is_prefill').map((value) => value.toLowerCase() === 'true')
  const modes = table.header.includes('mode') ? table.text('mode') : []
  const kernels = { prefill: timesUs(table, 'attn_prefill'), decode: timesUs(table, 'attn_decode') }
  const around = ['attn_input_reshape', 'attn_kv_cache_save', 'attn_output_reshape'].map((kernel) => timesUs(table, kernel))
  const numbers = (name: string) => table.text(name).map(Number)
  const [chunks, contexts, batches] = [numbers('prefill_chunk_size'), numbers('kv_cache_size'), numbers('batch_size')]
  return degrees.reduce<AttentionRow[]>((rows, own, i) => {
    if (own !== degree || (modes[i] !== undefined && modes[i] !== 'even')) return rows
    const us = around.reduce((sum, times) => sum + (times[i] || 0), (isPrefill[i] ? kernels.prefill : kernels.decode)[i]!)
    if (!isPrefill[i]) rows.push({ decodes: batches[i]!, decodeContext: contexts[i]!, us })
    else if (batches[i] === 1) rows.push({ newTokens: chunks[i]!, context: contexts[i]!, us })
    return rows
  }, [])
}
