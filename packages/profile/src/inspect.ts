import type { AttentionSamples, Bundle, OperatorSamples } from './bundle.js'
import type { BundleManifest } from './manifest.js'

/** What `servesim profile inspect` shows. */
export interface BundleReport {
  manifest: BundleManifest
  tables: TableReport[]
  /** Sentences on gaps and oddities a reader should know before trusting the numbers. */
  warnings: string[]
}

export interface TableReport {
  /** As the file below the bundle's folder, such as `tp1/attention.csv`. */
  name: string
  rows: number
  operators: string[]
  axes: { name: string; values: number; min: number; max: number }[]
}

/** A larger input that is faster by more than this share is worth a sentence: kernels do switch, but a clock may have been unstable. */
const dropShare = 0.1

export function inspectBundle(bundle: Bundle): BundleReport {
  const tables: TableReport[] = []
  const warnings: string[] = []
  for (const shard of bundle.shards) {
    const folder = `tp${shard.tensorParallel}`
    for (const kind of ['tokens', 'sequences'] as const) {
      const samples = shard[kind]
      tables.push({
        name: `${folder}/${kind}.csv`,
        rows: samples.reduce((rows, s) => rows + s.rows.length, 0),
        operators: samples.map((s) => s.operator),
        axes: [
          axis(
            kind,
            samples.flatMap((s) => [...s.rows]),
          ),
        ],
      })
      for (const s of samples) warnings.push(...drops(`${folder}/${kind}.csv`, s, kind))
    }
    const { newTokens, context, decodes, decodeContext, latencyUs } = shard.attention
    tables.push({
      name: `${folder}/attention.csv`,
      rows: latencyUs.length,
      operators: ['attention'],
      axes: [axis('newTokens', newTokens), axis('context', context), axis('decodes', decodes), axis('decodeContext', decodeContext)],
    })
    warnings.push(...attentionGaps(`${folder}/attention.csv`, shard.attention))
  }
  if (bundle.moe !== undefined)
    tables.push({
      name: 'moe.csv',
      rows: bundle.moe.latencyUs.length,
      operators: ['moe'],
      axes: [axis('tokens', bundle.moe.tokens), axis('activatedExperts', bundle.moe.activatedExperts)],
    })
  if (bundle.collectives.length > 0)
    tables.push({
      name: 'collectives.csv',
      rows: bundle.collectives.reduce((rows, s) => rows + s.bytes.length, 0),
      operators: bundle.collectives.map((s) => `${s.collective} (${s.ranks} ranks)`),
      axes: [
        axis(
          'bytes',
          bundle.collectives.flatMap((s) => [...s.bytes]),
        ),
      ],
    })
  if (bundle.shards.some((shard) => shard.tensorParallel > 1) && bundle.collectives.length === 0)
    warnings.push('The bundle has degrees above 1 and no collectives: the network prices them.')
  return { manifest: bundle.manifest, tables, warnings }
}

function axis(name: string, values: Iterable<number>): TableReport['axes'][number] {
  const all = [...new Set(values)]
  return { name, values: all.length, min: all.reduce((a, b) => Math.min(a, b)), max: all.reduce((a, b) => Math.max(a, b)) }
}

/** The worst drop of each operator, where it exceeds `dropShare`. */
function drops(table: string, { operator, rows, latencyUs }: OperatorSamples, unit: string): string[] {
  let worst = 0
  let at = 0
  for (let i = 1; i < rows.length; i++) {
    const drop = 1 - latencyUs[i]! / latencyUs[i - 1]!
    if (drop > worst) {
      worst = drop
      at = i
    }
  }
  if (worst <= dropShare) return []
  const percent = Math.round(worst * 100)
  return [`${table}: ${operator} is ${percent} % faster with ${rows[at]} ${unit} than with ${rows[at - 1]}.`]
}

/** Counts of decodes that were measured alone and never beside a chunk: steps between there are extrapolated. */
function attentionGaps(table: string, { newTokens, decodes }: AttentionSamples): string[] {
  let alone = 0
  let beside = 0
  for (let i = 0; i < newTokens.length; i++)
    if (newTokens[i] === 0) alone = Math.max(alone, decodes[i]!)
    else beside = Math.max(beside, decodes[i]!)
  if (beside >= alone) return []
  return [
    `${table}: decodes were measured up to ${alone} alone and up to ${beside} beside a prefill chunk; beyond, mixed steps are extrapolated.`,
  ]
}
