import { type Model, ServesimError } from '@servesim/core'
import {
  type Bundle,
  type BundleManifest,
  type CollectiveSamples,
  leftOutPoints,
  type OperatorSamples,
  type ShardTables,
} from '@servesim/profile'
import { workOf } from './operators.js'
import type { ProfileLimits } from './plan.js'
import type { TableName } from './point.js'
import type { ProbeHello } from './protocol.js'
import type { Sample } from './refine.js'
import { median } from './statistics.js'

/** What the tables are made of, beside the samples. */
export interface ProfileFacts {
  device: string
  model: Model
  modelConfig: Record<string, unknown> | undefined
  dtype: string
  bytesPerElement: number
  tensorParallel: readonly number[]
  limits: ProfileLimits
  hello: ProbeHello
  release: string
  measuredAt: string
  leastRepeats: number
  notes: readonly string[]
}

/** Slower by more than this beside an equal batch of the same contexts, unequal contexts matter. */
const stragglerShare = 0.03

/** @throws ServesimError SERVESIM_BAD_BUNDLE where too little could be measured for a table */
export function assemble(samples: readonly Sample[], facts: ProfileFacts): Bundle {
  const shards = facts.tensorParallel.map((degree) => shardOf(samples, degree))
  const moe = of(samples, 'moe')
  const bundle: Bundle = {
    manifest: manifestOf(samples, facts),
    shards,
    ...(moe.length > 0 && {
      moe: { tokens: column(moe, 'rows'), activatedExperts: column(moe, 'activatedExperts'), latencyUs: latencies(moe) },
    }),
    collectives: collectivesOf(samples),
  }
  return withTile(bundle)
}

function manifestOf(samples: readonly Sample[], facts: ProfileFacts): BundleManifest {
  const { hello, limits, model } = facts
  const skew = skewOf(samples)
  return {
    schemaVersion: 1,
    device: facts.device,
    deviceName: hello.device.name,
    ...(hello.device.memoryBytes !== undefined && { chip: chipOf(samples, hello.device.memoryBytes, facts) }),
    model: model.id,
    ...(facts.modelConfig !== undefined && { modelConfig: facts.modelConfig }),
    dtype: facts.dtype,
    kvCacheDtype: 'auto',
    tensorParallel: [...facts.tensorParallel] as [number, ...number[]],
    engine: hello.probe,
    software: hello.software,
    measuredAt: facts.measuredAt,
    profiler: { name: 'servesim', release: facts.release },
    measurementIterations: facts.leastRepeats,
    units: { latency: 'us' },
    launch: hello.launch,
    maxBatchedTokens: limits.maxBatchedTokens,
    maxSequences: limits.maxSequences,
    straggler: { enabled: skew !== undefined && skew - 1 > stragglerShare },
    notes: [
      ...(skew === undefined ? [] : [`Decode batches of unequal contexts take ${skew.toFixed(3)} times as long as equal ones (median).`]),
      ...facts.notes,
    ],
  }
}

/** Figures that the probe does not know are the largest that the operators reached: a chip that nobody published can be served too. */
function chipOf(
  samples: readonly Sample[],
  memoryBytes: number,
  { hello, bytesPerElement }: ProfileFacts,
): NonNullable<BundleManifest['chip']> {
  const rates = samples
    .filter(({ point }) => ['gemm', 'attention', 'moe'].includes(point.series.operator.kind))
    .map(({ point, us }) => {
      const { flop, bytes } = workOf(point.series.operator, point.shape, bytesPerElement)
      return { flopPerSecond: (flop / us) * 1e6, bytesPerSecond: (bytes / us) * 1e6 }
    })
  const { name: _, memoryBytes: __, memoryBytesPerSecond, bf16FlopPerSecond, ...others } = hello.device
  const reached = memoryBytesPerSecond === undefined || bf16FlopPerSecond === undefined
  return {
    ...others,
    memoryBytes,
    memoryBytesPerSecond: memoryBytesPerSecond ?? Math.round(Math.max(...rates.map((rate) => rate.bytesPerSecond))),
    bf16FlopPerSecond: bf16FlopPerSecond ?? Math.round(Math.max(...rates.map((rate) => rate.flopPerSecond))),
    source: `probe ${hello.probe.name} ${hello.probe.release}${reached ? '; rates it does not know are the highest that an operator reached' : ''}`,
  }
}

function shardOf(samples: readonly Sample[], tensorParallel: number): ShardTables {
  const own = samples.filter(({ point }) => point.series.tensorParallel === tensorParallel)
  const attention = of(own, 'attention')
  const decodes = attention.some(({ point }) => point.shape.newTokens === 0)
  const chunks = attention.some(({ point }) => point.shape.newTokens! > 0 && point.shape.decodes === 0)
  if (!decodes || !chunks) throw tooLittle(`tp${tensorParallel}/attention.csv`, `attention of ${decodes ? 'prefill chunks' : 'decodes'}`)
  return {
    tensorParallel,
    tokens: operatorsOf(own, 'tokens'),
    sequences: operatorsOf(own, 'sequences'),
    attention: {
      newTokens: column(attention, 'newTokens'),
      context: column(attention, 'context'),
      decodes: column(attention, 'decodes'),
      decodeContext: column(attention, 'decodeContext'),
      latencyUs: latencies(attention),
    },
  }
}

function operatorsOf(samples: readonly Sample[], table: 'tokens' | 'sequences'): OperatorSamples[] {
  const own = of(samples, table)
  const names = [...new Set(own.map(({ point }) => point.series.operator.name))]
  return names.map((operator) => {
    const members = own.filter(({ point }) => point.series.operator.name === operator)
    return { operator, rows: column(members, 'rows'), latencyUs: latencies(members) }
  })
}

function collectivesOf(samples: readonly Sample[]): CollectiveSamples[] {
  const own = of(samples, 'collectives')
  const series = [...new Set(own.map(({ point }) => point.series))]
  return series.flatMap((one) => {
    if (one.operator.kind !== 'collective') return []
    const members = own.filter(({ point }) => point.series === one)
    const { collective, ranks } = one.operator
    return [{ collective, ranks, bytes: column(members, 'bytes'), latencyUs: latencies(members) }]
  })
}

/** Samples of a table in ascending order of their axes. */
function of(samples: readonly Sample[], table: TableName): Sample[] {
  const values = ({ point }: Sample) => Object.values(point.shape)
  return samples
    .filter(({ point }) => point.series.table === table)
    .sort((a, b) => {
      const [x, y] = [values(a), values(b)]
      const differing = x.findIndex((value, i) => value !== y[i])
      return differing < 0 ? 0 : x[differing]! - y[differing]!
    })
}

function column(samples: readonly Sample[], axis: string): Float64Array {
  return Float64Array.from(samples, ({ point }) => point.shape[axis]!)
}

/** To four digits more than any clock has. */
function latencies(samples: readonly Sample[]): Float64Array {
  return Float64Array.from(samples, ({ us }) => Number(us.toPrecision(7)))
}

/** Time of unequal batches ÷ that of the equal ones with the same sum; undefined where none was measured. */
function skewOf(samples: readonly Sample[]): number | undefined {
  const equal = new Map(of(samples, 'attention').map(({ point, us }) => [batchKey(point.series.tensorParallel, point.shape), us]))
  const ratios = of(samples, 'skew').flatMap(({ point, us }) => {
    const other = equal.get(batchKey(point.series.tensorParallel, point.shape))
    return other === undefined ? [] : [us / other]
  })
  return ratios.length === 0 ? undefined : median(ratios)
}

function batchKey(tensorParallel: number, { newTokens, decodes, decodeContext }: Readonly<Record<string, number>>): string {
  return [tensorParallel, newTokens, decodes, decodeContext].join()
}

/** Rows that a matrix product works off together: the tile under which the tables predict their own points best, 16 or none. */
function withTile(bundle: Bundle): Bundle {
  const tiles = [0, 16].map((gemmTileRows) => ({ ...bundle, manifest: { ...bundle.manifest, gemmTileRows } }))
  const errors = tiles.map((one) =>
    leftOutPoints({ ...one, shards: one.shards.map(withoutAttention), collectives: [] })
      .filter(({ shape }) => (shape.tokens ?? shape.sequences ?? Number.POSITIVE_INFINITY) <= 64)
      .reduce((sum, { errorPct }) => sum + Math.abs(errorPct), 0),
  )
  return errors[1]! < errors[0]! ? tiles[1]! : tiles[0]!
}

function withoutAttention(shard: ShardTables): ShardTables {
  const none = new Float64Array(0)
  return { ...shard, attention: { newTokens: none, context: none, decodes: none, decodeContext: none, latencyUs: none } }
}

function tooLittle(path: string, what: string): ServesimError {
  return new ServesimError(
    'SERVESIM_BAD_BUNDLE',
    path,
    `No ${what} could be measured, and no bundle can do without.`,
    'The notes of the points that were skipped say why; `servesim probe check` tries one of each kind.',
  )
}
