import {
  type Attention,
  type AttentionLatency,
  type CompileContext,
  type CompiledDevice,
  type Device,
  type DeviceSpec,
  type ExpertLoad,
  type Latency,
  type Moe,
  type Operator,
  type OperatorGraph,
  type Provenance,
  provenances,
  ServesimError,
  type StragglerFacts,
} from '@servesim/core'
import { AttentionTable } from './attention-table.js'
import type { Bundle, OperatorSamples, ShardTables } from './bundle.js'
import { Curve } from './curve.js'
import { gemmTileRows } from './manifest.js'
import { activatedExperts, MoeTable } from './moe-table.js'
import { sameModel } from './select.js'
import { isSeparate, SeparateAttention } from './separate-attention.js'
import type { SplitKernel } from './split-kernel.js'
import { stragglerFacts } from './straggler.js'

/** Where a bundle serves and what for; a `DeviceContext` is one. */
export interface BundleUse {
  /** Path of the pool in the scenario, for errors. */
  path: string
  /** The model's id. */
  model: string
  tensorParallel: number
}

/**
 * A device that prices what a bundle measured, and nothing else.
 * @param spec the chip the bundle was measured on
 * @throws ServesimError SERVESIM_CAPABILITY_MISMATCH where the bundle belongs to another model
 */
export function bundleDevice(bundle: Bundle, spec: DeviceSpec, use: BundleUse): Device {
  const { manifest } = bundle
  if (!sameModel(manifest.model, use.model))
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      `${use.path}.model`,
      `The bundle was measured with "${manifest.model}"; the scenario serves "${use.model}".`,
      'Serve the measured model, or name a bundle of this one.',
    )
  const straggler = stragglerFacts(bundle, spec, use.tensorParallel)
  return {
    spec,
    engineRelease: manifest.engine.release,
    model: manifest.model,
    collectives: bundle.collectives.map(({ collective, ranks, bytes, latencyUs }) => ({ collective, ranks, bytes, ns: toNs(latencyUs) })),
    ...(straggler === undefined ? {} : { straggler }),
    ...(manifest.mixedStepHostMs === undefined ? {} : { mixedStepHostMs: manifest.mixedStepHostMs }),
    compile: (graph, context) => compile(bundle, graph, context, use.path, straggler),
  }
}

function compile(
  bundle: Bundle,
  graph: OperatorGraph,
  context: CompileContext,
  path: string,
  straggler: StragglerFacts | undefined,
): CompiledDevice {
  const shard = bundle.shards.find((candidate) => candidate.tensorParallel === context.tensorParallel)
  if (shard === undefined) {
    const measured = bundle.shards.map((candidate) => candidate.tensorParallel)
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      `${path}.parallelism.tensor`,
      `The bundle has no profile for tensorParallel ${context.tensorParallel}; expected ${measured.join(' or ')}.`,
      'Change parallelism.tensor, or measure it with `servesim profile`.',
    )
  }
  const tables = `tp${shard.tensorParallel}`
  const prices = new Map<string, (rows: number) => Latency>()
  const assumptions = releaseAssumptions(bundle, shard, context)
  const missing: string[] = []
  for (const operator of graph.operators) {
    if (operator.kind === 'attention') continue
    const price =
      operator.kind === 'moe'
        ? areOfRank(operator, shard)
          ? rankOfExperts(bundle, shard, operator, context.expertLoad, path, assumptions)
          : moePrice(bundle, shard, operator, context.expertLoad, assumptions)
        : curvePrice(bundle, shard, operator)
    if (price !== undefined) prices.set(operator.name, price)
    else if (operator.kind === 'elementwise') missing.push(operator.name)
    else
      throw new ServesimError(
        'SERVESIM_BAD_BUNDLE',
        path,
        `The bundle has no latency for "${operator.name}" in ${operator.kind === 'moe' ? 'moe.csv' : `${tables}/${operator.rows}.csv`}.`,
        'Measure the whole model, or check that the bundle belongs to it.',
      )
  }
  if (missing.length > 0)
    assumptions.push(
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in the bundle and cost${missing.length === 1 ? 's' : ''} nothing.`,
    )
  return {
    latency(operator: Exclude<Operator, Attention>, rows: number): Latency {
      return prices.get(operator.name)?.(rows) ?? { ns: 0, provenance: 'extrapolated' }
    },
    attention: attentionOf(bundle, shard, `${path} (${tables}/attention.csv)`, splitKernel(graph, straggler)),
    leftOutErrors,
    assumptions,
  }
}

function attentionOf({ manifest }: Bundle, shard: ShardTables, path: string, splitKernel: SplitKernel | undefined): AttentionLatency {
  if (!isSeparate(shard.attention)) return attentionTable(shard, path, splitKernel)
  return new SeparateAttention(shard.attention, path, manifest.attentionKernels !== 'two', manifest.derived?.attention)
}

/**
 * What was measured is exact by definition. Between: leaving out every 20th row of a recorded attention table of 19,364 rows in turn, the median error
 * is 0.7 %. Beyond: unknown.
 */
const leftOutErrors = { measured: 0, interpolated: 0.007 }

/** Tables made before: a bundle does not change, and making one costs milliseconds. */
const attentionTables = new WeakMap<ShardTables, { kernel: string; table: AttentionTable }>()

function attentionTable(shard: ShardTables, path: string, splitKernel: SplitKernel | undefined): AttentionTable {
  const kernel = JSON.stringify(splitKernel ?? null)
  const known = attentionTables.get(shard)
  if (known?.kernel === kernel) return known.table
  const table = new AttentionTable(shard.attention, path, splitKernel)
  attentionTables.set(shard, { kernel, table })
  return table
}

/** The decode kernel of this rank, where the facts about it are known. */
function splitKernel(graph: OperatorGraph, straggler: StragglerFacts | undefined): SplitKernel | undefined {
  const attention = graph.operators.find((operator) => operator.kind === 'attention')
  if (attention === undefined || straggler === undefined) return undefined
  return {
    multiprocessors: straggler.streamingMultiprocessors,
    kvHeads: attention.kvHeads,
    blockNs: straggler.blockNsPerContextToken,
    sharedNs: straggler.sharedNsPerContextToken / attention.kvHeads,
  }
}

function curvePrice(
  { manifest }: Bundle,
  shard: ShardTables,
  operator: Exclude<Operator, Attention | Moe>,
): ((rows: number) => Latency) | undefined {
  const samples = shard[operator.rows].find((candidate) => candidate.operator === operator.name)
  if (samples === undefined) return undefined
  const curve = new Curve(samples.rows, toNs(samples.latencyUs), operator.kind === 'gemm' ? gemmTileRows(manifest) : 0)
  const derived = manifest.derived?.[operator.name]
  return derived === undefined ? (rows) => curve.at(rows) : (rows) => atBest(derived, curve.at(rows))
}

/** Latencies that were derived are no better than what they were derived from. */
function atBest(derived: Provenance, latency: Latency): Latency {
  return provenances.indexOf(latency.provenance) >= provenances.indexOf(derived) ? latency : { ...latency, provenance: derived }
}

/** Experts that were measured as a rank holds them, routing as in the measurement: the curve is over the tokens of all ranks. */
function areOfRank(experts: Moe, shard: ShardTables): boolean {
  return shard.tokens.some((samples) => samples.operator === experts.name)
}

function rankOfExperts(
  bundle: Bundle,
  shard: ShardTables,
  moe: Moe,
  load: ExpertLoad | undefined,
  path: string,
  assumptions: string[],
): (rows: number) => Latency {
  const { expertParallel = 1 } = bundle.manifest
  const ranks = moe.experts / moe.localExperts
  if (ranks !== expertParallel)
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      `${path}.parallelism.expert`,
      `The bundle's experts were measured spread over ${expertParallel} ranks; the scenario spreads them over ${ranks}.`,
      'Change parallelism.expert, or import the bundle for that degree.',
    )
  if (load !== undefined) assumptions.push('Tokens spread over experts as when they were measured, whatever the scenario says.')
  return curvePrice(bundle, shard, { ...moe, kind: 'elementwise', rows: 'tokens', bytesPerRow: 0 })!
}

/**
 * Experts are measured at full width and all on one rank. Under expert parallelism a rank sees its share of the (token, expert) pairs;
 * where tensor parallelism cuts every expert instead, both its weights and its arithmetic shrink by the degree, and so does the latency.
 */
function moePrice(
  bundle: Bundle,
  shard: ShardTables,
  moe: Moe,
  load: ExpertLoad | undefined,
  assumptions: string[],
): ((rows: number) => Latency) | undefined {
  if (bundle.moe === undefined) return undefined
  const table = new MoeTable(bundle.moe)
  const cut = moe.localExperts === moe.experts ? shard.tensorParallel : 1
  if (cut > 1) assumptions.push(`Experts cut in ${cut} take 1/${cut} of the time of whole ones, which alone were measured.`)
  if (load === undefined) assumptions.push('Tokens choose experts evenly: E·(1 − (1 − k/E)^T) experts are activated.')
  const share = moe.localExperts / moe.experts
  const ranks = moe.experts / moe.localExperts
  return (tokens) => {
    const activated = load === undefined ? activatedExperts(moe, tokens) : share * load.activatedExperts(moe.experts, moe.topK, tokens)
    const busiest = load === undefined ? 1 : load.busiestShare(moe.experts, moe.topK, tokens, ranks)
    const { ns, provenance } = table.at(tokens * share * busiest, activated)
    return cut === 1 ? { ns, provenance } : { ns: ns / cut, provenance: 'extrapolated' }
  }
}

function releaseAssumptions({ manifest, collectives }: Bundle, shard: ShardTables, context: CompileContext): string[] {
  const { engine, launch, model, device, collectivesRelease } = manifest
  const how = launch === 'eager' ? 'each kernel launched by itself, without CUDA graphs or fusion' : 'replayed from CUDA graphs'
  const sentences = [`Operator latencies: ${model} on ${device}, measured under ${engine.name} ${engine.release}, ${how}.`]
  if (
    context.tensorParallel > 1 &&
    collectives.length > 0 &&
    collectivesRelease !== undefined &&
    !engine.release.startsWith(collectivesRelease)
  )
    sentences.push(`The bundle's collectives were measured under ${engine.name} ${collectivesRelease}.`)
  const tokens = largest(shard.tokens)
  const sequences = largest(shard.sequences)
  if (context.maxBatchedTokens > tokens) sentences.push(`Steps of more than ${tokens} tokens are extrapolated.`)
  if (context.maxSequences > sequences) sentences.push(`Steps of more than ${sequences} sequences are extrapolated.`)
  return sentences
}

/** The rows that every operator was measured up to. */
function largest(samples: readonly OperatorSamples[]): number {
  return Math.min(...samples.map((operator) => operator.rows.at(-1)!))
}

function toNs(latencyUs: Float64Array): Float64Array {
  return latencyUs.map((us) => us * 1000)
}
