import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Attention, type Elementwise, type Gemm, type Moe, type OperatorGraph, type Provenance, ServesimError } from '@servesim/core'
import type { AttentionSamples, Bundle, CollectiveSamples, OperatorSamples } from '../../bundle.js'
import { attentionSamples, isSoundPrefill } from './attention.js'
import { line } from './axis.js'
import { engineAllReduces, ncclCollectives } from './collectives.js'
import { dtypeOf, GemmTable, withoutHarness } from './gemms.js'
import { moeCurve, moeDtypes, type Routing } from './moe.js'
import type { SystemTables, Table } from './tables.js'

export interface AiconfiguratorRequest {
  /** Hugging Face id; the bundle is known by it. */
  model: string
  /** One rank's share of the model. */
  graph: OperatorGraph
  tensorParallel: number
  /** Ranks that the experts are spread over; 1 where each is cut. */
  expertParallel?: number
  /** Release of the engine; absent: the newest. The nearest that was measured is taken, family by family. */
  release?: string | undefined
  /** How tokens choose experts; the database's own predictions use the default. */
  routing?: Routing
}

export interface ImportedTables {
  bundle: Bundle
  /** Operators that were not measured at their own shape, and what their latencies rest on, as sentences. */
  derived: string[]
}

/** Largest step that memory-bound kernels are written out for; they are straight lines. */
const mostRows = 65_536
/** Choosing tokens from logits is a chain of kernels. Source: 10 to 25 µs at one sequence in LLMServingSim's tables of an RTX PRO 6000. */
const samplerUs = 16

/**
 * A bundle of one model at one degree from the tables of one system: matrix products, attention and experts as measured, or read between the
 * measured shapes; kernels that only move memory by the database's own figures.
 * @throws ServesimError SERVESIM_BAD_BUNDLE where the tables lack an operator, naming it
 */
export async function importAiconfigurator(tables: SystemTables, request: AiconfiguratorRequest): Promise<ImportedTables> {
  const { graph, model, tensorParallel, expertParallel = 1, release, routing = 'power_law_1.2' } = request
  const gemmTable = await tables.nearest('gemm', 'gemm_perf', release)
  const derived: Record<string, Exclude<Provenance, 'measured'>> = {}
  const note = (operator: string, provenance: Provenance) => {
    if (provenance !== 'measured') derived[operator] = provenance
  }
  const gemms = new Gemms(gemmTable, tables)
  const tokens: OperatorSamples[] = []
  const sequences: OperatorSamples[] = []
  let attention: (AttentionSamples & { kernels: 'one' | 'two' }) | undefined
  for (const operator of graph.operators) {
    if (operator.kind === 'attention') {
      if (attention !== undefined)
        throw missing(tables, 'a second shape of attention', 'Only models whose layers are alike can be imported.')
      const imported = await readAttention(tables, operator, release)
      attention = { ...imported.samples, kernels: imported.kernels }
      if (imported.derived !== undefined) note('attention', imported.derived)
      continue
    }
    const { samples, provenance } =
      operator.kind === 'gemm'
        ? gemms.samples(operator)
        : operator.kind === 'moe'
          ? await readMoe(tables, gemms, operator, expertParallel === 1 ? tensorParallel : 1, release, routing)
          : memoryBound(tables, operator)
    note(operator.name, provenance)
    ;(operator.kind === 'moe' || operator.rows === 'tokens' ? tokens : sequences).push(samples)
  }
  if (attention === undefined) throw missing(tables, 'attention: the model has none', 'Import a model with attention.')
  const { kernels, ...samples } = attention
  return {
    bundle: {
      manifest: {
        schemaVersion: 1,
        // A variant of the card that devices do not tell apart.
        device: tables.system.name.replace(/_server$/, ''),
        chip: tables.system.chip,
        model,
        dtype: dtypeOf[gemmPrecision(graph)],
        kvCacheDtype: graph.operators.some((o) => o.kind === 'attention' && o.kvBytesPerElement === 1) ? 'fp8' : 'auto',
        tensorParallel: [tensorParallel],
        engine: { name: tables.engine, release: gemmTable.release },
        software: {},
        profiler: { name: 'aiconfigurator', release: '2026-08' },
        measurementIterations: 1,
        units: { latency: 'us' },
        launch: 'graph',
        straggler: { enabled: false },
        ...(expertParallel > 1 && { expertParallel }),
        attentionKernels: kernels,
        ...(Object.keys(derived).length > 0 && { derived }),
        notes: [
          `Tables of NVIDIA AIConfigurator (ai-dynamo/aiconfigurator, Apache-2.0), ${tables.system.name}, ${tables.engine}; how often each point was timed is not stored in them.`,
        ],
      },
      shards: [{ tensorParallel, tokens, sequences, attention: samples }],
      collectives: await readCollectives(tables, release),
    },
    derived: sentencesOf(derived),
  }
}

function gemmPrecision(graph: OperatorGraph) {
  return graph.operators.find((o): o is Gemm => o.kind === 'gemm' && o.precision !== undefined)?.precision ?? 'bf16'
}

/** Products of one table by number format. */
class Gemms {
  constructor(
    private readonly table: Table,
    private readonly tables: SystemTables,
  ) {}

  samples({ name, n, k, precision = 'bf16' }: Pick<Gemm, 'name' | 'n' | 'k' | 'precision'>): {
    samples: OperatorSamples
    provenance: Provenance
  } {
    const dtype = dtypeOf[precision]
    const known = parsed(this.table, dtype)
    const own = known.curve(n, k)
    const curve = own !== undefined && precision === 'fp8-block' ? withoutHarness(own, parsed(this.table, dtypeOf.fp8).curve(n, k)) : own
    if (curve === undefined) {
      const what = known.empty ? `matrix products in ${dtype}` : `the product ${n} × ${k} of "${name}" in ${dtype}`
      throw missing(this.tables, what, 'Choose a number format and degree that the tables hold.')
    }
    return { samples: { operator: name, rows: curve.m, latencyUs: curve.us }, provenance: curve.provenance }
  }
}

/** Tables by format, made once: reading hundred thousand rows takes longer than looking them up. */
const parsedTables = new WeakMap<readonly object[], Map<string, GemmTable>>()

function parsed({ rows }: Table, dtype: string): GemmTable {
  let byDtype = parsedTables.get(rows)
  if (byDtype === undefined) {
    byDtype = new Map()
    parsedTables.set(rows, byDtype)
  }
  let table = byDtype.get(dtype)
  if (table === undefined) {
    table = new GemmTable(rows, dtype)
    byDtype.set(dtype, table)
  }
  return table
}

async function readAttention(tables: SystemTables, shape: Attention, release: string | undefined) {
  const sound = isSoundPrefill(tables.system.bf16FlopPerSecond)
  const prefill = await tables.nearest('attention', 'context_attention_perf', release, sound)
  const decode = await tables.nearest('attention', 'generation_attention_perf', release)
  const imported = attentionSamples({ prefill: prefill.rows, decode: decode.rows }, shape)
  if (imported === undefined)
    throw missing(
      tables,
      `attention of ${shape.heads} query and ${shape.kvHeads} KV heads of ${shape.headDim}, KV elements of ${shape.kvBytesPerElement} bytes`,
      'Choose another degree or KV cache type.',
    )
  // FlashInfer's backends launch a kernel for prompts and one for decodes; FlashAttention takes all sequences in one.
  const kernels = prefill.rows.some((row) => String(row.kernel_source).includes('flashinfer')) ? ('two' as const) : ('one' as const)
  return { ...imported, kernels }
}

/** The experts as the rank holds them, behind the router's product, which their table leaves out. */
async function readMoe(tables: SystemTables, gemms: Gemms, moe: Moe, cut: number, release: string | undefined, routing: Routing) {
  const table = await tables.nearest('moe', 'moe_perf', release)
  const curve = moeCurve(table.rows, moe, cut, moeDtypes(moe), routing)
  if (curve === undefined)
    throw missing(
      tables,
      `${moe.experts} experts of ${moe.hiddenSize} × ${moe.intermediateSize * cut}, ${moe.topK} per token, in ${moeDtypes(moe).join(' or ')}, on one of ${moe.experts / moe.localExperts} ranks`,
      'Choose a model and degree that the tables hold.',
    )
  const router = gemms.samples({ name: 'router', n: moe.experts, k: moe.hiddenSize }).samples
  return {
    samples: {
      operator: moe.name,
      rows: curve.tokens,
      latencyUs: curve.us.map((us, i) => us + at(router, curve.tokens[i]!)),
    },
    provenance: curve.provenance,
  }
}

function at({ rows, latencyUs }: OperatorSamples, value: number): number {
  const upper = rows.findIndex((row) => row >= value)
  if (upper <= 0) return latencyUs[Math.max(0, upper)]!
  return line(rows[upper - 1]!, latencyUs[upper - 1]!, rows[upper]!, latencyUs[upper]!, value)
}

function memoryBound({ system }: SystemTables, operator: Elementwise): { samples: OperatorSamples; provenance: Provenance } {
  const usPerRow = operator.bytesPerRow / (system.memoryShare * system.memoryBytesPerSecond) / 1e-6
  const constant = operator.class === 'logits-sampling' ? samplerUs : system.memoryKernelUs
  const rows = Float64Array.of(1, mostRows)
  return { samples: { operator: operator.name, rows, latencyUs: rows.map((count) => constant + count * usPerRow) }, provenance: 'analytic' }
}

async function readCollectives(tables: SystemTables, release: string | undefined): Promise<CollectiveSamples[]> {
  const engine = tables.releases('comm', 'custom_allreduce_perf').length > 0 ? await commTable(tables, release) : []
  const nccl = join(tables.system.folder, 'comm', 'nccl')
  const newest = existsSync(nccl) ? ascendingReleases(readdirSync(nccl)).at(-1) : undefined
  const exchange = newest === undefined ? [] : ncclCollectives(await tables.rows(join(nccl, newest, 'nccl_perf.parquet')))
  return [...engine, ...exchange]
}

async function commTable(tables: SystemTables, release: string | undefined): Promise<CollectiveSamples[]> {
  return engineAllReduces((await tables.nearest('comm', 'custom_allreduce_perf', release)).rows)
}

const ascendingReleases = (names: readonly string[]) => names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))

function sentencesOf(derived: Readonly<Record<string, Provenance>>): string[] {
  return (['interpolated', 'extrapolated', 'analytic'] as const).flatMap((kind) => {
    const names = Object.keys(derived).filter((name) => derived[name] === kind)
    if (names.length === 0) return []
    const how =
      kind === 'analytic'
        ? 'not in the tables, priced by memory traffic'
        : kind === 'interpolated'
          ? 'between measured shapes'
          : 'extrapolated beyond them'
    return [`${names.join(', ')}: ${how}.`]
  })
}

function missing({ system, engine }: SystemTables, what: string, hint: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_BUNDLE', `${system.folder} (${engine})`, `The tables of ${system.name} hold no ${what}.`, hint)
}
