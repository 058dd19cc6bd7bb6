import { createSimulation, isServesimError, type Plugin, type Registry, type SimulationInput, type SimulationResult } from '@servesim/core'
import { bundleChip } from '@servesim/profile'
import { importAiconfigurator, listSystems, readSystem, SystemTables } from '@servesim/profile/node'
import { deviceOf } from '../bundles.js'
import { benchmarkClient, type ClientTimes, outsideMs } from './benchmark-client.js'
import { hostTime } from './host-time.js'
import { type Layout, layoutOf } from './layout.js'
import { type ServedModel, servedModel } from './model-of.js'
import { type Protocol, protocolOf, releaseOf } from './protocol.js'
import type { SiliconRow } from './silicon-csv.js'

export interface PointContext {
  registry: Registry
  plugins: readonly Plugin[]
  /** Folder of the systems. */
  folder: string
  /** Tables by system and engine, opened once. */
  opened: Map<string, SystemTables>
  /** Runs one simulation to its end; for progress. */
  run?(simulation: ReturnType<typeof createSimulation>): void
}

export interface SimulatedPoint {
  result: SimulationResult
  protocol: Protocol
  layout: Layout
  /** What a client waits beyond the engine's time to a first token, ms. */
  outsideMs: number
}

/** Simulates one point as its benchmark ran it, or says why it cannot. */
export async function simulatePoint(row: SiliconRow, context: PointContext): Promise<SimulatedPoint | string> {
  if (row.mode !== 'agg') return `layout: ${row.mode}, not aggregate`
  if (row.backend !== 'vllm') return `engine: ${row.backend}`
  if (!listSystems(context.folder).includes(row.system)) return `tables: no system ${row.system}`
  const served = servedModel(row, context.registry)
  if (typeof served === 'string') return served
  const layout = layoutOf(row, served.model.experts > 0)
  if (typeof layout === 'string') return layout
  const protocol = protocolOf(row, layout.concurrency)
  try {
    const times: ClientTimes = { inMs: 0, requests: 0 }
    const simulation = createSimulation(await scenarioOf(row, layout, served, protocol, times, context))
    if (context.run === undefined) simulation.run()
    else context.run(simulation)
    return { result: simulation.result(), protocol, layout, outsideMs: outsideMs(times) }
  } catch (error) {
    // What the model or the tables cannot do is a reason, not the end of the set.
    if (isServesimError(error)) return `${reasons[error.code] ?? 'scenario'}: ${error.message}`
    throw error
  }
}

const reasons: Readonly<Record<string, string>> = {
  SERVESIM_BAD_BUNDLE: 'tables',
  SERVESIM_CAPABILITY_MISMATCH: 'layout',
  SERVESIM_OUT_OF_MEMORY: 'memory',
}

async function scenarioOf(
  row: SiliconRow,
  { tensor, attentionData, expert }: Layout,
  { model, reference }: ServedModel,
  protocol: Protocol,
  times: ClientTimes,
  { registry, plugins, folder, opened }: PointContext,
): Promise<SimulationInput> {
  const key = `${row.system} ${row.backend}`
  let tables = opened.get(key)
  if (tables === undefined) {
    tables = new SystemTables(readSystem(folder, row.system), row.backend)
    opened.set(key, tables)
  }
  const graph = model.shard({ tensor, pipeline: 1, expert }, protocol.kvCacheDtype === 'fp8' ? { kvBytesPerElement: 1 } : {})
  const { bundle } = await importAiconfigurator(tables, {
    model: model.id,
    graph,
    tensorParallel: tensor,
    expertParallel: expert,
    release: releaseOf(row),
  })
  const { device, chips } = deviceFor(bundle.manifest, registry)
  const concurrency = protocol.requests / 10
  return {
    name: row.id,
    workload: {
      use: 'benchmark-client',
      concurrency,
      requestCount: protocol.requests,
      promptTokens: protocol.promptTokens,
      outputTokens: protocol.outputTokens,
    },
    router: attentionData > 1 ? { use: 'least-loaded', waitingWeight: 4, viewAgeMs: 100 } : { use: 'round-robin' },
    pools: [
      {
        model: reference,
        device: { use: device, bundle },
        count: attentionData,
        parallelism: { tensor, pipeline: 1, expert },
        scheduler: { use: 'vllm', asyncScheduling: protocol.asyncScheduling },
        network: { use: 'analytical' },
        kvCacheDtype: protocol.kvCacheDtype,
        memory: { gpuMemoryUtilization: protocol.gpuMemoryUtilization },
        techniques: [
          { use: 'cuda-graphs' },
          { use: 'host-time', ...hostTime(model.layers) },
          ...(attentionData > 1 ? [{ use: 'data-parallel', ranks: attentionData }] : []),
        ],
      },
    ],
    plugins: [...plugins, ...chips, benchmarkClient(times)],
  } as unknown as SimulationInput
}

/** An installed device that the system is, else one that its figures describe. */
function deviceFor(manifest: Parameters<typeof deviceOf>[0], registry: Registry): { device: string; chips: Plugin[] } {
  const device = deviceOf(manifest, registry)
  return device === manifest.device ? { device, chips: [bundleChip(device)] } : { device, chips: [] }
}
