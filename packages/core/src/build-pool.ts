import { type DeviceChoice, type PoolScenario, parseOptions } from './config.js'
import type { Engine } from './engine.js'
import { nearMatches, ServesimError } from './errors.js'
import { countBlocks, type MemoryPlan } from './memory-plan.js'
import type { Model, OperatorGraph, Parallelism, ShardOptions } from './operators.js'
import type { Registry } from './plugin.js'
import { type Decode, decode } from './points/decode.js'
import { type CompiledDevice, type Device, device } from './points/device.js'
import type { FabricPlan } from './points/fabric.js'
import { type Group, group } from './points/group.js'
import type { KvIndexFactory } from './points/kv-index.js'
import type { KvRange, KvTierFactory } from './points/kv-tier.js'
import { modelSource } from './points/model-source.js'
import { type Network, network } from './points/network.js'
import type { OperatorPlacement, OperatorTransform, TransformContext } from './points/operator-transform.js'
import type { OptionsSchema } from './points/provider.js'
import { type Scheduler, type SchedulerContext, type SchedulerLimits, scheduler } from './points/scheduler.js'
import type { StepCost } from './points/step-cost.js'
import type { TechniquePool } from './points/technique.js'
import { type Claims, gatherClaims, type InheritedClaim } from './pool-claims.js'
import type { RandomSource } from './random.js'
import type { RequestTable } from './request-table.js'
import { attentionFacts, chainLinks } from './step-cost-chain.js'
import { BaseStepCost } from './step-price.js'
import type { StepUsage } from './step-usage.js'
import type { LeftOutErrors } from './uncertainty.js'
import { whatIf } from './what-if.js'

/** A pool with every choice bound. */
export interface BuiltPool {
  name: string
  role: string | undefined
  count: number
  model: Model
  /** One rank's operators in each pipeline stage, first to last. */
  stages: readonly OperatorGraph[]
  /** Each stage's share of the layers. */
  stageShares: Float64Array
  device: Device
  limits: SchedulerLimits
  maxModelLenTokens: number
  memory: MemoryPlan
  base: BaseStepCost
  cost: StepCost
  network: Network | undefined
  kvIndex: KvIndexFactory | undefined
  kvTiers: readonly KvTierFactory[]
  /** Equal keys mean equal KV bytes for equal text. */
  layoutKey: string
  group: Group | undefined
  decode: Decode | undefined
  /** Where the time of all its steps went: of its model, and of what runs beside it. */
  usages: StepUsage[]
  /** Errors of the device's latencies, where it says them. */
  leftOutErrors: LeftOutErrors
  /** For whose sake every step is taken by itself, without stretches: techniques. */
  stepwise: string[]
  /** Accelerators of the pool. */
  deviceCount: number
  techniques: string[]
  assumptions: string[]
  newScheduler(context: Pick<SchedulerContext, 'requests'>): Scheduler
}

/** What all pools of a simulation share. */
export interface PoolContext {
  engine: Engine
  random: RandomSource
  requests: RequestTable
  /** Where the scenario names a fabric. */
  links: FabricPlan | undefined
  /** What techniques of the cluster claim, by the role of the pool. */
  inherited: ReadonlyMap<string, InheritedClaim[]>
}

/** KV bytes of one token on each rank of a replica, stage after stage. */
export function bytesPerTokenOfRank({ stages, deviceCount, count }: BuiltPool): Float64Array {
  const ranks = deviceCount / count
  return Float64Array.from({ length: ranks }, (_, rank) => stages[Math.floor((rank * stages.length) / ranks)]!.kvBytesPerToken)
}

/** Layers and heads that each rank of a replica keeps, stage after stage. */
export function kvRangesOf({ model, stages, deviceCount, count }: BuiltPool): KvRange[] {
  const tensor = deviceCount / count / stages.length
  let firstLayer = 0
  return stages.flatMap(({ layers, kvBytesPerToken }) => {
    const range = { firstLayer, endLayer: firstLayer + layers, bytesPerToken: kvBytesPerToken }
    firstLayer += layers
    return Array.from({ length: tensor }, (_, rank) => {
      const firstHead = Math.floor((rank * model.kvHeads) / tensor)
      return { ...range, firstHead, endHead: Math.max(firstHead + 1, Math.floor(((rank + 1) * model.kvHeads) / tensor)) }
    })
  })
}

/** Resolves and binds one pool of a scenario. @throws ServesimError at the first thing that does not meet */
export function buildPool(
  pool: PoolScenario,
  path: string,
  registry: Registry,
  { engine, random, requests, links, inherited: cluster }: PoolContext,
): BuiltPool {
  const assumptions: string[] = []
  const assume = (sentence: string) => {
    if (!assumptions.includes(sentence)) assumptions.push(sentence)
  }
  const model = resolveModel(pool.model, `${path}.model`, registry)
  const built = buildDevice(pool, path, model, registry)

  const schedulerProvider = registry.named(scheduler, pool.scheduler.use, `${path}.scheduler.use`)
  const schedulerOptions = parseOptions(schedulerProvider.options, pool.scheduler, `${path}.scheduler`)
  const poolContext = {
    path: `${path}.scheduler`,
    device: built.spec,
    model,
    maxModelLenTokens: pool.maxModelLenTokens ?? model.maxModelLenTokens,
    pipelineStages: pool.parallelism.pipeline,
  }
  const asked = schedulerProvider.limits(schedulerOptions, poolContext)

  const facts = { model, limits: asked, ...modelFacts(pool, registry) }
  const inherited = pool.role === undefined ? [] : (cluster.get(pool.role) ?? [])
  const otherDevice = (other: DeviceChoice, at: string) => buildDevice({ ...pool, device: other }, at, model, registry)
  const claims = gatherClaims(pool, { path, registry, engine, facts, inherited, device: otherDevice, assume })
  const decoding = claims.decode?.({ path, requests, random, engineRelease: asked.engineRelease, maxSequences: asked.maxNumSeqs, assume })
  const limits = decoding?.synchronous === true ? { ...asked, depth: 1 } : asked
  if (decoding !== undefined && asked.depth > limits.depth) {
    assume(`Steps are formed one by one, not ahead: ${claims.owners.get(decode.id)} drafts from tokens that the host must know.`)
  }
  if (claims.expertLoad !== undefined && model.experts > 0) assume(claims.expertLoad.assumption)
  const stages = shardStages(pool, model, pool.parallelism)
  const layers = stages.reduce((sum, stage) => sum + stage.layers, 0)
  checkGroup(pool, path, claims)
  checkTiers(path, pool.scheduler.use, limits, claims)
  // An operator takes the same on every stage: the device prices those of the whole model once.
  const [graph] = stages.length === 1 ? stages : shardStages(pool, model, { ...pool.parallelism, pipeline: 1, pipelineLayers: undefined })
  const maxDrafts = decoding?.maxDrafts ?? 0
  const compile = (whose: OperatorGraph) =>
    built.compile(whose, {
      tensorParallel: pool.parallelism.tensor,
      maxBatchedTokens: limits.maxNumBatchedTokens,
      maxSequences: limits.maxNumSeqs * (1 + maxDrafts),
      expertLoad: claims.expertLoad,
    })
  const { compiled, kvMemory } = place(compile(graph!), graph!, claims.transforms, {
    path,
    device: built.spec,
    tensorParallel: pool.parallelism.tensor,
    maxBatchedTokens: limits.maxNumBatchedTokens,
    maxSequences: limits.maxNumSeqs,
  })
  if (decoding !== undefined && compiled.attention.verifyRowNs === undefined)
    assume('Attention over drafts takes what one token of each sequence takes: the KV cache is read once.')
  for (const sentence of compiled.assumptions) assume(sentence)
  const net = buildNetwork(pool, path, stages, built, limits, registry, links)
  if (net !== undefined && exchanges(stages)) for (const sentence of net.assumptions) assume(sentence)

  const memory = countBlocks({ pool, path, model, stages, device: built.spec, limits, claims: claims.memory, kvMemory, assume })
  // A scheduler without a token budget lets every sequence verify; a drafter may see one token more of each.
  const mostTokens = Math.max(limits.maxNumBatchedTokens, limits.maxNumSeqs * (1 + maxDrafts)) + (maxDrafts > 0 ? limits.maxNumSeqs : 0)
  const baseCost = (whose: readonly OperatorGraph[], on: CompiledDevice, betweenNodes?: Uint8Array) =>
    new BaseStepCost(whose, on, net, mostTokens, limits.maxNumSeqs * (1 + maxDrafts), claims.group?.ranks ?? 1, betweenNodes)
  const base = baseCost(stages, compiled, handoversBetweenNodes(pool))
  const innermost =
    claims.timeline?.arrange(base, base, {
      path,
      layers,
      attentionBeside: compiled.attention.besideNs !== undefined,
      exchanges: exchanges(stages),
      pipelineStages: pool.parallelism.pipeline,
      groupRanks: claims.group?.ranks ?? 1,
    }) ?? base
  const context = {
    path,
    device: built.spec,
    // Facts about the device's own kernel of decode attention.
    straggler: compiled.attention.besideNs === undefined ? built.straggler : undefined,
    mixedStepHostMs: built.mixedStepHostMs ?? (built.launchHostMsPerLayer === undefined ? undefined : built.launchHostMsPerLayer * layers),
    collectives: built.collectives,
    ...attentionFacts(graph!),
    layers,
    maxBatchedTokens: limits.maxNumBatchedTokens,
    maxSequences: limits.maxNumSeqs,
    maxDrafts,
    engineRelease: limits.engineRelease,
    assume,
  }
  const baseOf = (whose: OperatorGraph, id: string) => {
    if (built.model !== undefined && id !== model.id) throw otherModel(path, built.model, id)
    return baseCost([whose], compile(whose))
  }
  const { cost, usages, tokenReaders } = chainLinks({ links: claims.links, base, innermost, context, baseOf })
  const stepwise = [...tokenReaders, ...claims.tiers.filter((tier) => tier.reads === 'tokens').map(({ name }) => name)]
  if (decoding !== undefined) stepwise.push(claims.owners.get(decode.id)!)
  if ((claims.group?.ranks ?? 1) > 1) stepwise.push(claims.owners.get(group.id)!)
  return {
    name: pool.name ?? path,
    role: pool.role,
    count: pool.count,
    model,
    stages,
    stageShares: Float64Array.from(stages, (stage) => stage.layers / layers),
    device: built,
    limits,
    maxModelLenTokens: memory.maxModelLenTokens,
    memory,
    base,
    cost,
    network: net,
    kvIndex: claims.index,
    kvTiers: claims.tiers,
    layoutKey: layoutKey(pool, model, stages, limits),
    group: claims.group,
    decode: decoding,
    usages,
    leftOutErrors: compiled.leftOutErrors ?? {},
    stepwise,
    deviceCount: pool.count * pool.parallelism.tensor * pool.parallelism.pipeline,
    techniques: pool.techniques.map((t) => t.use),
    assumptions,
    newScheduler: (context) =>
      schedulerProvider.build(schedulerOptions, {
        ...poolContext,
        ...context,
        maxModelLenTokens: memory.maxModelLenTokens,
        limits,
        decode: decoding,
      }),
  }
}

function resolveModel(reference: PoolScenario['model'], path: string, registry: Registry): Model {
  const sources = registry.all(modelSource).map((s) => s.provided)
  for (const source of sources) {
    const model = source.resolve(reference)
    if (model !== undefined) return model
  }
  const known = sources.flatMap((s) => s.list()).sort()
  const name = typeof reference === 'string' ? reference : 'this config.json'
  const near = typeof reference === 'string' ? nearMatches(reference, known) : []
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    path,
    known.length === 0 ? `No source of models is among the plugins, so "${name}" cannot be resolved.` : `There is no model "${name}".`,
    near.length > 0
      ? `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}? Any other model goes by the path of its config.json.`
      : known.length === 0
        ? 'Add the plugin of @servesim/models.'
        : `Known: ${known.join(', ')}. Any other model goes by the path of its config.json.`,
  )
}

function buildDevice(pool: PoolScenario, path: string, model: Model, registry: Registry): Device {
  const { figures, ...choice }: DeviceChoice = typeof pool.device === 'string' ? { use: pool.device } : pool.device
  const provider = registry.named(device, choice.use, `${path}.device`)
  const options = parseOptions(provider.options as OptionsSchema, choice, `${path}.device`)
  const built = provider.build(options, { path: `${path}.device`, model: model.id, tensorParallel: pool.parallelism.tensor })
  return figures === undefined ? built : whatIf(built, figures, `${path}.device.figures`)
}

/** Puts operators where transforms want them. */
function place(
  compiled: CompiledDevice,
  graph: OperatorGraph,
  transforms: readonly OperatorTransform[],
  context: TransformContext,
): OperatorPlacement {
  let placed: OperatorPlacement = { compiled }
  for (const transform of transforms) placed = { ...placed, ...transform.transform(placed.compiled, graph, context) }
  return placed
}

/** One rank's part of the model, stage by stage. */
function shardStages(pool: PoolScenario, model: Model, parallelism: Parallelism): OperatorGraph[] {
  const options = shardOptions(pool)
  return Array.from({ length: parallelism.pipeline }, (_, stage) => model.shard(parallelism, { ...options, stage }))
}

/** Hand-overs by the stage they leave: 1 where a rank's next stage stands on another node. Replicas larger than a node begin with a fresh one. */
function handoversBetweenNodes({ parallelism: { tensor, pipeline }, devicesPerNode }: PoolScenario): Uint8Array {
  const node = (rank: number) => (tensor * pipeline <= devicesPerNode ? 0 : Math.floor(rank / devicesPerNode))
  return Uint8Array.from({ length: pipeline - 1 }, (_, stage) => {
    for (let rank = stage * tensor; rank < (stage + 1) * tensor; rank++) if (node(rank) !== node(rank + tensor)) return 1
    return 0
  })
}

/** Whether ranks of a replica, or of replicas that share experts, send each other anything. */
function exchanges(stages: readonly OperatorGraph[]): boolean {
  return stages.some(({ collectives, handoverBytesPerToken = 0 }) => collectives.length > 0 || handoverBytesPerToken > 0)
}

function buildNetwork(
  pool: PoolScenario,
  path: string,
  stages: readonly OperatorGraph[],
  built: Device,
  limits: SchedulerLimits,
  registry: Registry,
  links: FabricPlan | undefined,
): Network | undefined {
  const context = { path: `${path}.network`, device: built.spec, collectives: built.collectives, engineRelease: limits.engineRelease }
  if (pool.network === undefined) {
    if (links !== undefined) return links.network({ ...context, devicesPerNode: pool.devicesPerNode, path: 'fabric' })
    if (!exchanges(stages)) return undefined
    const ranks = Math.max(0, ...stages.flatMap(({ collectives }) => collectives.map((c) => c.ranks)))
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      `${path}.network`,
      `${ranks > 0 ? `${ranks} ranks exchange data in every layer` : `${stages.length} pipeline stages hand over to each other`}, and the scenario names no network.`,
      'Add a network, such as { use: … } with one that `servesim plugins` lists, or a fabric for the whole cluster.',
    )
  }
  const provider = registry.named(network, pool.network.use, `${path}.network.use`)
  const options = parseOptions(provider.options, pool.network, `${path}.network`)
  return provider.build(options, context)
}

/** Experts that several replicas share make those replicas step together, and only those. */
function checkGroup({ count, parallelism: { tensor, expert } }: PoolScenario, path: string, { group: claimed }: Claims): void {
  const needed = expert > tensor ? expert / tensor : 1
  const ranks = claimed?.ranks ?? 1
  if (needed === ranks && count % ranks === 0) return
  const message =
    needed !== ranks
      ? `Experts divided over ${expert} ranks beside ${tensor} tensor-parallel ones make ${needed} replicas step together; the techniques group ${ranks}.`
      : `${count} replicas do not make whole groups of ${ranks}.`
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    `${path}.parallelism.expert`,
    message,
    'Let parallelism.expert, count and the technique that groups the replicas agree.',
  )
}

/** A scheduler that never asks for what memories behind the device hold would leave them unused. */
function checkTiers(path: string, scheduler: string, { loads = false }: SchedulerLimits, { tiers }: Claims): void {
  if (loads || tiers.length === 0) return
  throw new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    `${path}.scheduler`,
    `The scheduler "${scheduler}" loads no KV from memories behind the device, and ${tiers.map(({ name }) => `"${name}"`).join(' and ')} offer it.`,
    'Choose a scheduler that does, or switch the technique off.',
  )
}

function layoutKey(
  { kvCacheDtype, parallelism }: PoolScenario,
  model: Model,
  stages: readonly OperatorGraph[],
  limits: SchedulerLimits,
): string {
  const ofStages = stages.map(({ layers, kvBytesPerToken }) => [layers, kvBytesPerToken])
  return JSON.stringify([model.id, ofStages, kvCacheDtype, parallelism.tensor, limits.blockSizeTokens])
}

function otherModel(path: string, measured: string, model: string): ServesimError {
  return new ServesimError(
    'SERVESIM_CAPABILITY_MISMATCH',
    `${path}.device`,
    `The device was measured with "${measured}" and has no latencies of "${model}", which runs beside it.`,
    'Use an analytic device, or a drafter that is part of the measured model.',
  )
}

/** What techniques may find out about models beside the pool's own. */
function modelFacts(pool: PoolScenario, registry: Registry): Pick<TechniquePool, 'parallelism' | 'resolveModel' | 'shard'> {
  const { parallelism } = pool
  return {
    parallelism,
    resolveModel: (reference, at) => resolveModel(reference, at, registry),
    shard: (model) =>
      model.shard(
        { ...parallelism, pipeline: 1, pipelineLayers: undefined, expert: model.experts > 0 ? parallelism.expert : 1 },
        shardOptions(pool),
      ),
  }
}

function shardOptions({ kvCacheDtype }: PoolScenario): ShardOptions {
  return kvCacheDtype === 'fp8' ? { kvBytesPerElement: 1 } : {}
}
