import { definePlugin, type KvIndex, type KvIndexContext, kvIndex, type PrefixText, technique } from '@servesim/core'
import { z } from 'zod'
import { type Block, BlockPool } from './block-pool.js'

/** A request's text as one key per full block, and the blocks whose content is known; the last of its blocks are anonymous. */
interface Holder {
  keys: string[]
  blocks: Block[]
}

/**
 * vLLM's prefix cache, block by block and as plainly as it can be written: the oracle of every faster index. Slow. A key names a block's
 * whole prefix, so a chain of hashes is not needed.
 */
export class ReferenceBlockCache implements KvIndex {
  readonly reads = 'sequences'
  private readonly pool: BlockPool
  private readonly holders = new Map<number, Holder>()
  /** Blocks given out whose content is not known yet: core does not say for whom, and blank blocks are all alike. */
  private readonly blank: Block[] = []
  /** Blocks that were committed before they were given out: core books a stretch's blocks behind its commits. */
  private owed = 0

  /** @param blankFirst freed blocks without a hash go to the head of the free queue (vLLM from 0.24), not to its tail */
  constructor(
    private readonly context: KvIndexContext,
    private readonly blankFirst: boolean,
  ) {
    this.pool = new BlockPool(context.totalBlocks)
  }

  get freeBlocks(): number {
    return this.pool.freeCount
  }

  identify(request: number, text: PrefixText): boolean {
    const keys = this.keysOf(text)
    if (keys.length === 0) return false
    this.holders.set(request, { keys, blocks: [] })
    return true
  }

  /** A block is told by the id that covers its last token, and by its place under that id where the id covers several blocks. */
  private keysOf({ ids, count, groupTokens }: PrefixText): string[] {
    const size = this.context.blockSizeTokens
    if (groupTokens % size !== 0 && size % groupTokens !== 0) return []
    return Array.from({ length: Math.floor((count * groupTokens) / size) }, (_, block) => {
      const lastToken = (block + 1) * size - 1
      return `${ids[Math.floor(lastToken / groupTokens)]} ${lastToken % groupTokens}`
    })
  }

  probe(text: PrefixText): number {
    return this.cachedCount(this.keysOf(text))
  }

  match(request: number, maxBlocks: number): number {
    return this.cachedCount(this.holder(request).keys.slice(0, maxBlocks))
  }

  private cachedCount(keys: string[]): number {
    const missing = keys.findIndex((key) => this.pool.lookUp(key) === undefined)
    return missing < 0 ? keys.length : missing
  }

  idle(request: number, blocks: number): number {
    return this.firstCopies(request, blocks).filter((block) => block.references === 0).length
  }

  take(request: number, blocks: number): void {
    const copies = this.firstCopies(request, blocks)
    for (const block of copies) this.pool.touch(block)
    this.holder(request).blocks = copies
  }

  private firstCopies(request: number, blocks: number): Block[] {
    return this.holder(request)
      .keys.slice(0, blocks)
      .map((key) => this.pool.lookUp(key)!)
  }

  commit(request: number, toBlock: number): void {
    const { keys, blocks } = this.holder(request)
    for (let i = blocks.length; i < Math.min(toBlock, keys.length); i++) {
      const block = this.blank.pop() ?? this.borrow()
      this.pool.insert(block, keys[i]!)
      blocks.push(block)
    }
  }

  private borrow(): Block {
    this.owed++
    return { ...this.pool.newBlock(), references: 1 }
  }

  reclaim(count: number): void {
    for (let i = 0; i < count; i++) {
      const block = this.pool.pop()
      if (this.owed > 0) this.owed--
      else this.blank.push(block)
    }
  }

  /** Blocks without a hash go back to where they came from. */
  trim(_request: number, count: number): void {
    for (let i = 0; i < count; i++) this.pool.free(this.blank.pop()!, true)
  }

  release(request: number, count: number): number {
    const holder = this.holders.get(request)
    const known = holder?.blocks ?? []
    const { computedTokens, placeholderTokens } = this.context.requests
    // Full blocks of unknown text have a hash too, which nobody will ask for; a token in flight is not there yet.
    const hashed = Math.floor((computedTokens[request]! - placeholderTokens[request]!) / this.context.blockSizeTokens)
    const blocks = [...known]
    while (blocks.length < count) {
      const block = this.blank.pop()!
      if (blocks.length < hashed) this.pool.insert(block, `unknown text of block ${block.id}`)
      blocks.push(block)
    }
    if (holder !== undefined) holder.blocks = []
    return blocks.reverse().filter((block) => this.pool.free(block, this.blankFirst)).length
  }

  move(from: number, to: number): void {
    const holder = this.holder(from)
    this.holders.set(to, holder)
    this.holders.set(from, { keys: holder.keys, blocks: [] })
  }

  forget(request: number): void {
    this.holders.delete(request)
  }

  sameText(a: number, b: number, block: number): boolean {
    const key = this.holders.get(a)?.keys[block]
    return key !== undefined && key === this.holders.get(b)?.keys[block]
  }

  knowsOutput(request: number): boolean {
    return this.holder(request).keys.length > Math.floor(this.context.requests.promptTokens[request]! / this.context.blockSizeTokens)
  }

  private holder(request: number): Holder {
    return this.holders.get(request)!
  }
}

/** The oracle as a technique, to be switched on in place of a faster index. */
export const referencePrefixCaching = definePlugin('reference-prefix-caching', (host) => {
  host.provide(technique, {
    name: 'reference-prefix-caching',
    description: 'vLLM’s prefix cache block by block: an oracle for tests.',
    options: z.strictObject({ blankFirst: z.boolean().default(false).describe('Freed blocks without a hash are reused before any other') }),
    build: ({ blankFirst }, context) => context.claim(kvIndex, (replica) => new ReferenceBlockCache(replica, blankFirst)),
  })
})
