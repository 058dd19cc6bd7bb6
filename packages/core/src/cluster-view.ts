import type { PrefixText } from './points/kv-index.js'
import type { ClusterView, RoutedPrompt } from './points/router.js'
import type { StepUnit } from './step-unit.js'

/** What routers see: read live from the units, also in the middle of a stretch. */
export class LiveClusterView implements ClusterView, RoutedPrompt {
  nowNs = 0
  /** Prompt length and text of the request being routed. */
  tokens = 0
  text: PrefixText | undefined

  constructor(private readonly units: readonly StepUnit[]) {}

  get prompt(): RoutedPrompt {
    return this
  }

  get replicaCount(): number {
    return this.units.length
  }

  takesRequests(replica: number): boolean {
    return this.units[replica]!.takesRequests
  }

  waiting(replica: number): number {
    return this.units[replica]!.waitingCount
  }

  running(replica: number): number {
    return this.units[replica]!.running.length
  }

  kvUse(replica: number): number {
    const unit = this.units[replica]!
    return unit.usedBlocksAt(this.nowNs) / unit.kv.total
  }

  cachedBlocks(replica: number): number {
    const unit = this.units[replica]!
    if (unit.kv.index === undefined || this.text === undefined) return 0
    // Blocks that a stretch has taken since it began may have cost cached content.
    if (unit.stretch.active) unit.stretch.interrupt(this.nowNs)
    return unit.kv.index.probe(this.text)
  }

  cachedTokens(replica: number): number {
    // Known output counts as text too, and may be cached.
    return Math.min(this.tokens, this.cachedBlocks(replica) * this.units[replica]!.kv.blockSizeTokens)
  }
}
