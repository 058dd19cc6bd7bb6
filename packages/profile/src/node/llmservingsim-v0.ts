import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type OperatorGraph, ServesimError } from '@servesim/core'
import type { Bundle, OperatorSamples, ShardTables } from '../bundle.js'
import { parseCsv } from '../csv.js'
import type { BundleImporter, ImportContext } from '../importer.js'
import { type BundleIdentity, type BundleSelection, selectBundle } from '../select.js'
import { findFolders, readIfPresent, subfolders } from './files.js'
import { readAttentionV0 } from './llmservingsim-v0-attention.js'
import { type Sample, samplesOf, scaledSamples, sumOf } from './samples.js'

/** `perf_models/<hardware>/<organisation>/<model>/tp<N>` (LLMServingSim before 2.0, `profiler/v0`). */
const layoutDepth = 4
const layersFile = 'layers.csv'

/** Operators of ours that one layer of the table is, or several in sequence are. */
const tokenOperators: Readonly<Record<string, readonly string[]>> = {
  embedding: ['embedding'],
  qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
  rotary_emb: ['rope'],
  o_proj: ['o_proj'],
  gate_up_proj: ['gate_proj', 'up_proj'],
  act_fn: ['act_fn'],
  down_proj: ['down_proj'],
  final_layernorm: ['final_layernorm'],
}

/** What a reader should know, and the operators that were not measured at their own shape. */
interface Remarks {
  sentences: Set<string>
  derived: Set<string>
}

interface Profile extends BundleIdentity {
  folder: string
}

/** The layout of LLMServingSim's older profiler, of which its newer one reads nothing. */
export const llmservingsimV0: BundleImporter = {
  name: 'llmservingsim-v0',
  description: "Profiles in the older layout of LLMServingSim's profiler/v0.",
  recognises: (folder) => modelFolders(folder).length > 0,
  list: findProfiles,
  import: importLlmservingsimV0,
}

/**
 * @param context `graph` tells how wide the query, key and value projection is, where the table has the query's alone
 * @throws ServesimError as `selectBundle`; SERVESIM_BAD_BUNDLE naming the file where a table is missing, and the line where one is damaged
 */
export function importLlmservingsimV0(folder: string, selection: BundleSelection = {}, context: ImportContext = {}): Bundle {
  const profile = selectBundle(findProfiles(folder), selection, folder) as Profile
  const { device, model, dtype, kvCacheDtype } = profile
  const degrees = selection.tensorParallel === undefined ? profile.tensorParallel : [selection.tensorParallel]
  const notes: Remarks = { sentences: new Set(), derived: new Set() }
  const shards = degrees.map((degree) => readShard(join(profile.folder, `tp${degree}`), degree, context.graph?.(model, degree), notes))
  return {
    manifest: {
      schemaVersion: 1,
      device,
      model,
      dtype,
      kvCacheDtype,
      tensorParallel: degrees as [number, ...number[]],
      engine: { name: 'vllm', release: 'unknown' },
      software: {},
      profiler: { name: 'llmservingsim', release: 'v0' },
      measurementIterations: 1,
      units: { latency: 'us' },
      launch: 'eager',
      straggler: { enabled: false },
      ...(notes.derived.size > 0 && {
        derived: Object.fromEntries([...notes.derived].map((operator) => [operator, 'extrapolated' as const])),
      }),
      notes: [
        ...notes.sentences,
        'How often each point was timed, and under which release, is not stored in these tables.',
        'Chunks and decodes were measured apart: a step with both costs the sum.',
      ],
    },
    shards,
    collectives: [],
  }
}

function findProfiles(folder: string): Profile[] {
  return modelFolders(folder).map((path) => {
    const here = degreeOf(basename(resolve(folder)))
    const all = subfolders(path).flatMap((name) => (existsSync(join(path, name, layersFile)) ? (degreeOf(name) ?? []) : []))
    return {
      folder: path,
      device: basename(dirname(dirname(path))),
      model: `${basename(dirname(path))}/${basename(path)}`,
      dtype: 'bf16',
      kvCacheDtype: 'auto',
      tensorParallel: here === undefined ? all.sort((a, b) => a - b) : [here],
    }
  })
}

/** A `tp<N>` folder stands for its model. */
function modelFolders(folder: string): string[] {
  const path = resolve(folder)
  if (degreeOf(basename(path)) !== undefined && existsSync(join(path, layersFile))) return [dirname(path)]
  const holdsLayers = (candidate: string) =>
    subfolders(candidate).some((name) => degreeOf(name) !== undefined && existsSync(join(candidate, name, layersFile)))
  return findFolders(path, holdsLayers, layoutDepth)
}

function degreeOf(name: string): number | undefined {
  const digits = /^tp([1-9]\d*)$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function readShard(folder: string, tensorParallel: number, graph: OperatorGraph | undefined, notes: Remarks): ShardTables {
  const path = join(folder, layersFile)
  const text = readIfPresent(path)
  if (text === undefined) throw new ServesimError('SERVESIM_BAD_BUNDLE', path, 'The table is missing.', 'Copy the profile again.')
  const table = parseCsv(text, path, ['layer_name', 'input', 'latency(ns)'])
  const names = table.text('layer_name')
  const rows = table.numbers('input')
  const ns = table.numbers('latency(ns)')
  const byLayer = new Map<string, Sample[]>()
  for (const [i, name] of names.entries()) {
    const known = byLayer.get(name)
    const sample = { rows: rows[i]!, us: ns[i]! / 1e3 }
    if (known === undefined) byLayer.set(name, [sample])
    else known.push(sample)
  }
  const layers = new Map([...byLayer].map(([name, samples]) => [name, samplesOf(name, samples)]))
  const tokens = Object.entries(tokenOperators).flatMap(([operator, parts]) => {
    const measured = parts.flatMap((part) => layers.get(part) ?? [])
    if (measured.length === 0) return []
    if (operator === 'act_fn' && measured[0]!.rows.length === 1) {
      const us = measured[0]!.latencyUs[0]!
      notes.sentences.add(`${operator} was timed at one number of tokens alone (${us} µs, as if a neighbour did its work) and is left out.`)
      return []
    }
    if (measured.length === parts.length) {
      noteShort(operator, measured, notes)
      return [sumOf(operator, measured)]
    }
    return [widened(operator, parts, measured, graph, path, notes)]
  })
  const norms = ['input_layernorm', 'post_layernorm'].flatMap((name) => layers.get(name) ?? [])
  if (norms.length > 0) tokens.push(scaledSamples('layernorm', sumOf('layernorm', norms), 1 / norms.length))
  const sequences = ['lm_head', 'sampler'].flatMap((name) => layers.get(name) ?? [])
  if (!layers.has('sampler')) notes.sentences.add('Choosing tokens was not measured and costs nothing.')
  return { tensorParallel, tokens, sequences, attention: readAttentionV0(folder) }
}

/** A product of which some columns were measured: the rest by its width. */
function widened(
  operator: string,
  parts: readonly string[],
  measured: readonly OperatorSamples[],
  graph: OperatorGraph | undefined,
  path: string,
  notes: Remarks,
): OperatorSamples {
  const widthOf = (name: string) => {
    const found = graph?.operators.find((candidate) => candidate.name === name)
    return found?.kind === 'gemm' ? found : undefined
  }
  const whole = widthOf(operator)
  // The query's columns are the rows of the output projection; gate and up are equally wide.
  const columns: Record<string, number | undefined> = {
    q_proj: widthOf('o_proj')?.k,
    gate_proj: whole && whole.n / 2,
    up_proj: whole && whole.n / 2,
  }
  const known = measured.reduce((sum, { operator: part }) => sum + (columns[part] ?? Number.NaN), 0)
  const missing = parts.filter((part) => !measured.some((samples) => samples.operator === part)).join(' and ')
  const were = missing.includes(' and ') ? 'were' : 'was'
  if (whole === undefined || Number.isNaN(known))
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      path,
      `${missing} ${were} not measured, and how wide ${operator} is cannot be told without the model.`,
      'Import a model that `servesim models` lists, or name its config.json with --model.',
    )
  const factor = whole.n / known
  notes.derived.add(operator)
  notes.sentences.add(
    `Extrapolated: ${operator} is ${measured.map((samples) => samples.operator).join(' and ')} × ${factor}, by its width, since ${missing} ${were} not measured.`,
  )
  return scaledSamples(operator, sumOf(operator, measured), factor)
}

/** Parts whose tables begin late or end early stand at their end values there. */
function noteShort(operator: string, parts: readonly OperatorSamples[], notes: Remarks): void {
  const first = Math.min(...parts.map(({ rows }) => rows[0]!))
  const last = Math.max(...parts.map(({ rows }) => rows.at(-1)!))
  for (const { operator: part, rows } of parts)
    if (rows[0]! > first || rows.at(-1)! < last)
      notes.sentences.add(
        `Extrapolated: ${part} in ${operator} was measured for ${rows[0]} to ${rows.at(-1)} tokens, beyond which it keeps its end values.`,
      )
}
