import { type EvictionContext, type KvTierContext, type Placement, PrefixTree, type TechniqueContext } from '@servesim/core'
import { HostMemory } from './host-memory.js'
import { capacityOf, type Options } from './options.js'

/** A replica's view of a memory. */
export interface MemoryUser {
  /** What is stored, or loaded by somebody, has changed. */
  changed(): void
}

/** One memory, what its texts are, and the replicas that use it. */
export interface SharedMemory {
  readonly memory: HostMemory
  readonly tree: PrefixTree
  readonly users: Set<MemoryUser>
}

/** Memories by owner: a replica, or replicas on the same host whose KV looks alike. */
export class SharedMemories {
  private readonly byKey = new Map<string, SharedMemory>()

  constructor(
    private readonly own: Options,
    private readonly technique: TechniqueContext,
  ) {}

  of(context: KvTierContext, placement: Placement): SharedMemory {
    const key = this.keyOf(context, placement)
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const tree = new PrefixTree(context.blockSizeTokens)
    const newEviction = (of: EvictionContext) => this.technique.eviction(this.own.eviction, of)
    const made = {
      memory: new HostMemory(capacityOf(this.own, context, this.technique.path), tree, newEviction),
      tree,
      users: new Set<MemoryUser>(),
    }
    this.byKey.set(key, made)
    return made
  }

  /** What one replica alone had is gone with it. */
  forget(context: KvTierContext, placement: Placement): void {
    if (this.own.scope === 'replica') this.byKey.delete(this.keyOf(context, placement))
  }

  private keyOf({ replica, layoutKey }: KvTierContext, placement: Placement): string {
    return this.own.scope === 'replica' ? `replica ${replica}` : `host ${placement.host(replica, 0)} ${layoutKey}`
  }
}
