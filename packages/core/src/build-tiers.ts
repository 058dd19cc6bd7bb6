import type { KvBlocks } from './kv-blocks.js'
import { KvTiers } from './kv-tiers.js'
import { Step } from './step.js'
import type { TierBuilder, UnitContext } from './unit-context.js'

/** The unit whose memories they are. */
interface TiersUnit {
  readonly kv: KvBlocks
  readonly shared: UnitContext
  readonly waitingCount: number
  wake(nowNs: number): void
}

/** The memories behind a replica's device, bound to its unit. */
export function buildTiers(build: TierBuilder, unit: TiersUnit): KvTiers {
  const { shared } = unit
  const wake = () => unit.wake(shared.clock.nowNs)
  const built = build({
    prefillNs: (tokens, contextTokens) => prefillNs(shared, tokens, contextTokens),
    landed: (request) => tiers.landed(request),
    failed: (request) => tiers.failed(request),
    changed: () => {
      if (unit.waitingCount > 0) wake()
    },
    free: (row) => tiers.free(row),
  })
  const tiers = new KvTiers({ kv: unit.kv, requests: shared.requests, wake }, built)
  return tiers
}

/** What computing a prompt's tokens alone would take, in steps of the whole budget. */
function prefillNs({ cost, clock, maxBatchedTokens, stageShares }: UnitContext, tokens: number, contextTokens: number): number {
  const step = new Step(1, stageShares.length)
  let ns = 0
  for (let done = 0; done < tokens; done += maxBatchedTokens) {
    step.clear()
    step.add(0, Math.min(maxBatchedTokens, tokens - done), contextTokens + done, 0)
    step.unpadded()
    cost.price(step, clock.nowNs, step)
    ns += step.fixedNs + step.attentionNs
  }
  return ns
}
