import type { Plugin, ScenarioInput, SimulationInput } from '@servesim/core'
import { type ListedRequest, listWorkloads } from './list-workload.js'
import { toyDevices } from './toy-device.js'
import { toyDrafts } from './toy-drafts.js'
import { toyFabrics } from './toy-fabric.js'
import { toyJitter } from './toy-jitter.js'
import { toyModels } from './toy-model.js'
import { toyNetworks } from './toy-network.js'
import { toySchedulers } from './toy-scheduler.js'
import { toyTiers } from './toy-tier.js'
import { toyTraffic } from './toy-traffic.js'

/** All toy parts, as one plugin. */
export const toyParts: Plugin = {
  name: 'toy-parts',
  plugins: [toyModels, toyDevices, toyFabrics, toyNetworks, toySchedulers, toyJitter, toyDrafts, toyTiers, listWorkloads, toyTraffic],
  setup: () => {},
}

type PoolInput = ScenarioInput['pools'][number]

export interface SmallScenario extends Omit<Partial<ScenarioInput>, 'pools' | 'workload'> {
  requests: readonly ListedRequest[]
  /** Tokens that one prefix id stands for. */
  prefixGroupTokens?: number
  /** KV blocks of a replica that requests can use, what the scheduler reserves (vLLM's null block) included. */
  blocks?: number
  /** Overrides of the one pool. */
  pool?: Partial<PoolInput>
  /** Plugins beside the toy parts. */
  plugins?: readonly Plugin[]
}

/** One pool of toy parts that serves a list of requests; whatever a test is about replaces its part. */
export function smallScenario({
  requests,
  prefixGroupTokens = 4,
  blocks = 64,
  pool,
  plugins = [],
  ...rest
}: SmallScenario): SimulationInput {
  return {
    workload: { use: 'list', requests, prefixGroupTokens },
    pools: [{ model: 'toy', device: 'toy-device', scheduler: { use: 'toy-scheduler' }, memory: { numGpuBlocksOverride: blocks }, ...pool }],
    ...rest,
    plugins: [toyParts, ...plugins],
  }
}
