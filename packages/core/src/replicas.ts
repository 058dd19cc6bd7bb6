import { type BuiltPool, bytesPerTokenOfRank, kvRangesOf } from './build-pool.js'
import type { EventQueue } from './event-queue.js'
import { KvBlocks } from './kv-blocks.js'
import { LockStepGroup } from './lock-step.js'
import type { Scheduler } from './points/scheduler.js'
import type { StepView } from './points/step-cost.js'
import type { RequestTable } from './request-table.js'
import type { RequestSink } from './results.js'
import { Speculation } from './speculation.js'
import { StepUnit } from './step-unit.js'
import type { TierBuilder } from './unit-context.js'

interface ReplicasContext {
  requests: RequestTable
  events: EventQueue
  sink: RequestSink
  clock: { readonly nowNs: number }
  /** Whether steps may be taken in stretches. */
  stretches: boolean
  /** Told which share of the time collectives keep the links of a replica busy. */
  load(replica: number, share: number): void
}

/** All replicas of a simulation, as step units, each with the memory and the scheduler that it starts with. */
export class Replicas {
  readonly units: StepUnit[] = []
  readonly poolOf: BuiltPool[] = []

  constructor(
    pools: readonly BuiltPool[],
    private readonly context: ReplicasContext,
  ) {
    for (const pool of pools) this.add(pool)
  }

  private add(pool: BuiltPool): void {
    const { requests, events, sink, clock, stretches, load } = this.context
    const { depth, maxNumSeqs, sharing = 'allocated', freesRejected = false, emptyTurnNs } = pool.limits
    const ranks = pool.group?.ranks ?? 1
    const shared = {
      requests,
      events,
      clock,
      sink,
      cost: pool.cost,
      usage: pool.base.usage,
      collectives: pool.base.meetsFlows ? { linkNs: (step: StepView) => pool.base.linkNs(step), load } : undefined,
      network: pool.network,
      depth,
      stageShares: pool.stageShares,
      maxSequences: maxNumSeqs,
      maxBatchedTokens: pool.limits.maxNumBatchedTokens,
      sharesEarly: sharing === 'allocated',
      emptyTurnNs,
      stretches: stretches && pool.stepwise.length === 0,
      speculation: pool.decode === undefined ? undefined : new Speculation(pool.decode, requests, depth, freesRejected),
    }
    for (let i = 0; i < pool.count; i++) {
      const kv = this.newKv(pool)
      const index = this.units.length
      this.units.push(new StepUnit(index, kv, this.newScheduler(pool), shared, this.tiersOf(pool, kv, index)))
      this.poolOf.push(pool)
    }
    for (let first = this.units.length - pool.count; ranks > 1 && first < this.units.length; first += ranks) {
      const members = this.units.slice(first, first + ranks)
      const handles = { complete: members[0]!.completeHandle, form: members[0]!.formHandle }
      const group = new LockStepGroup(members, depth, pool.stages.length, pool.group!.waveSteps, events, handles)
      for (const unit of members) unit.group = group
    }
  }

  private newKv(pool: BuiltPool): KvBlocks {
    const { requests } = this.context
    const { blockSizeTokens, engineRelease } = pool.limits
    const totalBlocks = pool.memory.blocks
    const index = pool.kvIndex?.({ path: pool.name, engineRelease, requests, totalBlocks, blockSizeTokens })
    return new KvBlocks(totalBlocks, blockSizeTokens, requests, index)
  }

  private tiersOf(pool: BuiltPool, { total, index, blockSizeTokens }: KvBlocks, replica: number): TierBuilder | undefined {
    if (pool.kvTiers.length === 0) return undefined
    const context = {
      path: pool.name,
      replica,
      requests: this.context.requests,
      blockSizeTokens,
      totalBlocks: total,
      bytesPerTokenOfRank: bytesPerTokenOfRank(pool),
      kvRanges: kvRangesOf(pool),
      layoutKey: pool.layoutKey,
      index,
    }
    return (calls) => pool.kvTiers.map((tier) => tier.build({ ...context, ...calls }))
  }

  private newScheduler(pool: BuiltPool): Scheduler {
    return pool.newScheduler({ requests: this.context.requests })
  }

  /** The replica and those that step together with it. */
  private membersWith(replica: number): StepUnit[] {
    const unit = this.units[replica]!
    return unit.group === undefined ? [unit] : this.units.filter(({ group }) => group === unit.group)
  }

  /** The replica dies, and with it those that step together with it. @returns the rows that were there */
  kill(replica: number, nowNs: number): { dead: StepUnit[]; rows: number[] } {
    const dead = this.membersWith(replica).filter((unit) => unit.alive)
    for (const unit of dead) {
      const pool = this.poolOf[unit.index]!
      const kv = this.newKv(pool)
      unit.die(kv, this.newScheduler(pool), nowNs, this.tiersOf(pool, kv, unit.index))
    }
    dead[0]?.group?.die()
    return { dead, rows: dead.flatMap((unit) => this.context.requests.rowsOf(unit.index)) }
  }

  /** What died comes up again, empty; what drains takes requests again. */
  start(replica: number): void {
    for (const unit of this.membersWith(replica)) {
      unit.draining = false
      unit.alive = true
    }
  }
}
