interface Block {
  ready: boolean
  pins: number
  loads: number
}

/** Host memory block by block, as plainly as it can be written: the oracle of the runs. A key names a block's whole prefix. */
export class ReferenceHostMemory {
  readonly blocks = new Map<string, Block>()
  /** Blocks that no transfer needs, oldest first. */
  private readonly order: string[] = []
  evictedBlocks = 0
  private unknown = 0

  constructor(private readonly capacityBlocks: number) {}

  stored(keys: string[]): number {
    const missing = keys.findIndex((key) => this.blocks.get(key)?.ready !== true)
    return missing < 0 ? keys.length : missing
  }

  isLoading(keys: string[]): boolean {
    return keys.some((key) => (this.blocks.get(key)?.loads ?? 0) > 0)
  }

  touch(keys: string[]): void {
    for (const key of keys.toReversed()) {
      const at = this.order.indexOf(key)
      if (at >= 0) this.order.push(...this.order.splice(at, 1))
    }
  }

  beginLoad(keys: string[]): void {
    for (const key of keys) {
      const block = this.blocks.get(key)!
      if (block.pins++ === 0) this.order.splice(this.order.indexOf(key), 1)
      block.loads++
    }
  }

  endLoad(keys: string[]): void {
    for (const key of keys) this.blocks.get(key)!.loads--
    this.unpin(keys)
  }

  beginStore(keys: string[]): string[] | undefined {
    const missing = keys.filter((key) => !this.blocks.has(key))
    const pinned = this.blocks.size - this.order.length
    if (missing.length > this.capacityBlocks - pinned) return undefined
    while (this.blocks.size + missing.length > this.capacityBlocks) {
      this.blocks.delete(this.order.shift()!)
      this.evictedBlocks++
    }
    for (const key of missing) this.blocks.set(key, { ready: false, pins: 1, loads: 0 })
    return missing
  }

  beginStoreUnknown(count: number): string[] | undefined {
    return this.beginStore(Array.from({ length: count }, () => `unknown ${this.unknown++}`))
  }

  endStore(keys: string[]): void {
    for (const key of keys) this.blocks.get(key)!.ready = true
    this.unpin(keys)
  }

  abandonStore(keys: string[]): void {
    for (const key of keys) this.blocks.delete(key)
  }

  private unpin(keys: string[]): void {
    for (const key of keys.toReversed()) if (--this.blocks.get(key)!.pins === 0) this.order.push(key)
  }
}
