import type { KvRange } from '@servesim/core'

/** What one rank sends another for every token. */
export interface RankFlow {
  sourceRank: number
  targetRank: number
  bytesPerToken: number
  /** Layers that it covers, of which each comes into being by itself. */
  layers: number
}

/**
 * Who sends what, so that each target rank gets the KV of its layers and heads. Where several source ranks hold the same head (more ranks
 * than heads), targets take turns among them, so that no one of them sends to all.
 * @throws never: ranges of one model always cover each other
 */
export function rankFlows(sources: readonly KvRange[], targets: readonly KvRange[]): RankFlow[] {
  const flows: RankFlow[] = []
  for (const [targetRank, target] of targets.entries()) {
    for (let layer = target.firstLayer; layer < target.endLayer; ) {
      const holders = sources.filter((s) => s.firstLayer <= layer && layer < s.endLayer)
      const endLayer = Math.min(target.endLayer, holders[0]!.endLayer)
      for (let head = target.firstHead; head < target.endHead; ) {
        const copies = sources.flatMap((s, rank) => (holders.includes(s) && s.firstHead <= head && head < s.endHead ? [rank] : []))
        const sourceRank = copies[targetRank % copies.length]!
        const endHead = Math.min(target.endHead, sources[sourceRank]!.endHead)
        const share =
          ((endLayer - layer) * (endHead - head)) / ((target.endLayer - target.firstLayer) * (target.endHead - target.firstHead))
        flows.push({ sourceRank, targetRank, bytesPerToken: share * target.bytesPerToken, layers: endLayer - layer })
        head = endHead
      }
      layer = endLayer
    }
  }
  return flows
}
