import type { Simulation, SimulationResult } from '@servesim/core'

/** What was simulated, for the head of a report. */
export interface RunFacts {
  name: string
  seed: number
  workload: string
  latencyFrom: 'arrival' | 'queued'
  pools: PoolFacts[]
}

export interface PoolFacts {
  name: string
  /** Which stage of requests it serves; null where pools serve all of them. */
  role: string | null
  replicas: number
  model: string
  device: string
  tensorParallel: number
  /** Layers of each pipeline stage; one entry without a pipeline. */
  stageLayers: number[]
  scheduler: string
  release: string
  /** Release under which the device's latencies were measured; undefined for analytic devices. */
  measuredRelease: string | undefined
  techniques: string[]
  /** Device memory of a rank, bytes; of the pipeline stage that has the least left. */
  memory: { stage: number; usable: number; weights: number; activations: number; context: number; kv: number; kvWhere?: string }
  kvBlocks: number
  blockSizeTokens: number
}

export function runFacts({ scenario, pools }: Simulation): RunFacts {
  return {
    name: scenario.name ?? 'run',
    seed: scenario.seed,
    workload: scenario.workload.use,
    latencyFrom: scenario.latencyFrom,
    pools: pools.map((pool, i) => ({
      name: pool.name,
      role: pool.role ?? null,
      replicas: pool.count,
      model: pool.model.id,
      device: pool.device.spec.name,
      tensorParallel: scenario.pools[i]!.parallelism.tensor,
      stageLayers: pool.stages.map(({ layers }) => layers),
      scheduler: scenario.pools[i]!.scheduler.use,
      release: pool.limits.engineRelease,
      measuredRelease: pool.device.engineRelease,
      techniques: pool.techniques,
      memory: {
        stage: pool.memory.stage,
        usable: pool.memory.usableBytes,
        weights: pool.memory.weightBytes,
        activations: pool.memory.activationBytes,
        context: pool.memory.contextBytes + pool.memory.claimedBytes,
        kv: pool.memory.blocks * pool.memory.bytesPerBlock,
        ...(pool.memory.kvWhere !== undefined && { kvWhere: pool.memory.kvWhere }),
      },
      kvBlocks: pool.memory.blocks,
      blockSizeTokens: pool.limits.blockSizeTokens,
    })),
  }
}

/** What was assumed: the parts' own sentences, and a word where measurements belong to another engine release than the one simulated. */
export function assumptionsOf(result: SimulationResult, facts: RunFacts): string[] {
  const mismatches = facts.pools.flatMap(({ device, release, measuredRelease }) =>
    measuredRelease === undefined || minor(measuredRelease) === minor(release)
      ? []
      : [
          `Latencies of ${device} were measured under engine release ${measuredRelease}, and ${release} is simulated: kernels differ between releases by some percent.`,
        ],
  )
  return [...new Set([...mismatches, ...result.assumptions])]
}

/** 0.19.0 and 0.19 are one release here. */
function minor(release: string): string {
  return release.split('.').slice(0, 2).join('.')
}
