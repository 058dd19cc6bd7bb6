import type { ClusterView, RoutedPrompt, Router } from '@servesim/core'
import { PrefixMemory } from './prefix-memory.js'

/** The router's options, in their own units. */
interface PrefixAwareOptions {
  cacheThreshold: number
  balanceAbsThreshold: number
  balanceRelThreshold: number
  index: 'approximate' | 'precise'
  maxTreeTokens: number
  evictionIntervalS: number
}

/**
 * The policy `cache_aware` of SGLang's gateway. Load is requests in flight. Out of balance (most − least > absolute threshold and most >
 * relative threshold × least), the least loaded replica takes the request. In balance, the replica that knows the longest part of the
 * prompt takes it, if that is more than a share of it; else the least loaded. Ties go to the lower load, then to the lower number.
 */
export class PrefixAware implements Router {
  readonly reads = 'shape'
  private readonly memories: PrefixMemory[]
  private readonly evictionIntervalNs: number
  private evictions = 0

  constructor(
    replicaCount: number,
    private readonly options: PrefixAwareOptions,
  ) {
    this.memories = Array.from({ length: replicaCount }, () => new PrefixMemory())
    this.evictionIntervalNs = options.evictionIntervalS * 1e9
  }

  route(_request: number, view: ClusterView, timeNs: number): number {
    const { prompt } = view
    let least = -1
    let most = -1
    for (let replica = 0; replica < view.replicaCount; replica++) {
      if (!view.takesRequests(replica)) continue
      if (least < 0 || load(view, replica) < load(view, least)) least = replica
      if (most < 0 || load(view, replica) > load(view, most)) most = replica
    }
    if (prompt === undefined) return least
    this.evict(timeNs, prompt)
    const chosen = this.outOfBalance(load(view, least), load(view, most)) ? least : this.byPrefix(view, prompt, least)
    this.remember(chosen, prompt)
    return chosen
  }

  private outOfBalance(least: number, most: number): boolean {
    const { balanceAbsThreshold, balanceRelThreshold } = this.options
    return most - least > balanceAbsThreshold && most > balanceRelThreshold * least
  }

  private byPrefix(view: ClusterView, prompt: RoutedPrompt, least: number): number {
    let best = least
    let longest = this.knownTokens(least, prompt)
    for (let replica = 0; replica < view.replicaCount; replica++) {
      if (!view.takesRequests(replica)) continue
      const tokens = this.knownTokens(replica, prompt)
      if (tokens > longest || (tokens === longest && load(view, replica) < load(view, best))) {
        best = replica
        longest = tokens
      }
    }
    return longest / prompt.tokens > this.options.cacheThreshold ? best : least
  }

  private knownTokens(replica: number, prompt: RoutedPrompt): number {
    if (this.options.index === 'precise') return prompt.cachedTokens(replica)
    const { text } = prompt
    return text === undefined ? 0 : this.memories[replica]!.match(text.ids, promptIds(prompt)) * text.groupTokens
  }

  private remember(replica: number, prompt: RoutedPrompt): void {
    if (this.options.index === 'approximate' && prompt.text !== undefined) {
      this.memories[replica]!.insert(prompt.text.ids, promptIds(prompt))
    }
  }

  /** Nothing is remembered between requests, so an eviction that came due is made up for at the next one. */
  private evict(timeNs: number, { text }: RoutedPrompt): void {
    const due = Math.floor(timeNs / this.evictionIntervalNs)
    if (due === this.evictions || text === undefined) return
    this.evictions = due
    for (const memory of this.memories) memory.evict(Math.floor(this.options.maxTreeTokens / text.groupTokens))
  }
}

function load(view: ClusterView, replica: number): number {
  return view.waiting(replica) + view.running(replica)
}

/** Ids of whole groups within the prompt: a text may go on into the output. */
function promptIds({ text, tokens }: RoutedPrompt): number {
  return text === undefined ? 0 : Math.min(text.count, Math.floor(tokens / text.groupTokens))
}
