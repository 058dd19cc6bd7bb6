/** A physical KV block. */
export interface Block {
  readonly id: number
  /** Identity of its content, once it is full and hashed. */
  key: string | undefined
  references: number
  /** Neighbours in the free queue; undefined outside it. */
  previous: Block | undefined
  next: Block | undefined
}

/**
 * vLLM's block pool, block by block (block_pool.py and FreeKVCacheBlockQueue of 0.19; `reference/vllm-v1.md` §4.3, §4.4): a doubly linked
 * free queue, and a map from hashes to all blocks that hold that content, first inserted first. The null block is left out.
 */
export class BlockPool {
  freeCount = 0
  private readonly head: Block
  private readonly tail: Block
  private readonly cached = new Map<string, Block[]>()
  private blockCount = 0

  constructor(totalBlocks: number) {
    this.head = this.newBlock()
    this.tail = this.newBlock()
    this.head.next = this.tail
    this.tail.previous = this.head
    for (let i = 0; i < totalBlocks; i++) this.append(this.newBlock())
  }

  /** The first inserted block with this content. */
  lookUp(key: string): Block | undefined {
    return this.cached.get(key)?.[0]
  }

  /** A request becomes a holder; an unreferenced block leaves the free queue. */
  touch(block: Block): void {
    if (block.references++ === 0) this.unlink(block)
  }

  /** Takes the block at the head of the free queue; content that it still has leaves the map now. */
  pop(): Block {
    const block = this.head.next!
    if (block === this.tail) throw new Error('No KV block is free.')
    this.unlink(block)
    if (block.key !== undefined) {
      const copies = this.cached.get(block.key)!.filter((other) => other !== block)
      if (copies.length === 0) this.cached.delete(block.key)
      else this.cached.set(block.key, copies)
      block.key = undefined
    }
    block.references = 1
    return block
  }

  /** A full block gets its hash and can be hit from now on. */
  insert(block: Block, key: string): void {
    block.key = key
    this.cached.set(key, [...(this.cached.get(key) ?? []), block])
  }

  /** A holder leaves. @param blankFirst a block without a hash goes to the head of the queue. @returns whether nobody holds it now */
  free(block: Block, blankFirst: boolean): boolean {
    if (--block.references > 0) return false
    if (blankFirst && block.key === undefined) this.link(this.head, block, this.head.next!)
    else this.append(block)
    return true
  }

  newBlock(): Block {
    return { id: this.blockCount++, key: undefined, references: 0, previous: undefined, next: undefined }
  }

  private append(block: Block): void {
    this.link(this.tail.previous!, block, this.tail)
  }

  private link(previous: Block, block: Block, next: Block): void {
    block.previous = previous
    block.next = next
    previous.next = block
    next.previous = block
    this.freeCount++
  }

  private unlink(block: Block): void {
    block.previous!.next = block.next
    block.next!.previous = block.previous
    block.previous = undefined
    block.next = undefined
    this.freeCount--
  }
}
