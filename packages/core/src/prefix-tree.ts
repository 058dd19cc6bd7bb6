import type { PrefixText } from './points/kv-index.js'

const growth = (array: Int32Array<ArrayBuffer>, needed: number) => {
  if (needed <= array.length) return array
  const grown = new Int32Array(Math.max(64, 2 * array.length, needed))
  grown.set(array)
  return grown
}

/**
 * Texts as chains of blocks. The first text with a new prefix owns a chain for the part that nobody had before; it hangs on the chain
 * of what it shares. Chains are interned ids, not hashes: equal position on a chain means equal text up to there. Positions count
 * blocks from the start of the text.
 */
export class PrefixTree {
  /** Chain on which this one hangs, −1 at the root, and the block at which it begins. */
  private parents = new Int32Array(0)
  private starts = new Int32Array(0)
  private chainCount = 0
  /** Chain of a prefix id, plus one. */
  private chainOfId = new Int32Array(0)
  /** The ids that each chain added, and where they begin; blocks that one of them covers. */
  private ids = new Int32Array(0)
  private idCount = 0
  private idStarts = new Int32Array(0)
  private groupBlocks = 1

  constructor(private readonly blockSizeTokens: number) {}

  get size(): number {
    return this.chainCount
  }

  parent(chain: number): number {
    return this.parents[chain]!
  }

  /** First block of the chain. */
  start(chain: number): number {
    return this.starts[chain]!
  }

  /** Whether blocks can be told apart by ids of that size: one must be a multiple of the other. */
  static fits(groupTokens: number, blockSizeTokens: number): boolean {
    return groupTokens % blockSizeTokens === 0 || blockSizeTokens % groupTokens === 0
  }

  /** Full blocks whose text is known. */
  knownBlocks(text: PrefixText): number {
    return Math.floor((text.count * text.groupTokens) / this.blockSizeTokens)
  }

  /** The chain on which the text ends, made where the text is new. @returns −1 for a text shorter than a block */
  intern(text: PrefixText): number {
    const stride = this.stride(text)
    const count = Math.floor(text.count / stride)
    if (count === 0) return -1
    const shared = this.sharedIds(text, stride, count)
    const parent = shared === 0 ? -1 : this.chainOfId[idAt(text, stride, shared - 1)]! - 1
    if (shared === count) return parent
    const chain = this.chainCount++
    this.parents = growth(this.parents, this.chainCount)
    this.starts = growth(this.starts, this.chainCount)
    this.parents[chain] = parent
    this.starts[chain] = this.blocksOf(text, shared)
    this.groupBlocks = this.blocksOf(text, 1)
    this.idStarts = growth(this.idStarts, this.chainCount)
    this.idStarts[chain] = this.idCount
    this.ids = growth(this.ids, this.idCount + count - shared)
    for (let i = shared; i < count; i++) {
      const id = idAt(text, stride, i)
      this.chainOfId = growth(this.chainOfId, id + 1)
      this.chainOfId[id] = chain + 1
      this.ids[this.idCount++] = id
    }
    return chain
  }

  /** The id that covers this block of the chain; it stands for all the text before, too. */
  idOf(chain: number, block: number): number {
    return this.ids[this.idStarts[chain]! + Math.floor((block - this.starts[chain]!) / this.groupBlocks)]!
  }

  /** The chain with this id; −1 where no text had it. */
  chainOf(id: number): number {
    return id < this.chainOfId.length ? this.chainOfId[id]! - 1 : -1
  }

  /** The chain of the longest prefix that some text before had, and its length in blocks. */
  find(text: PrefixText): { chain: number; blocks: number } {
    const stride = this.stride(text)
    const shared = this.sharedIds(text, stride, Math.floor(text.count / stride))
    if (shared === 0) return { chain: -1, blocks: 0 }
    return { chain: this.chainOfId[idAt(text, stride, shared - 1)]! - 1, blocks: this.blocksOf(text, shared) }
  }

  /** Ids of one block: where blocks are larger than groups only the last id of a block matters, since it stands for all before. */
  private stride(text: PrefixText): number {
    return Math.max(1, this.blockSizeTokens / text.groupTokens)
  }

  private blocksOf(text: PrefixText, ids: number): number {
    return ids * Math.max(1, text.groupTokens / this.blockSizeTokens)
  }

  /** How many leading ids are known. An id stands for the whole prefix, so the known ones lead and a binary search finds their end. */
  private sharedIds(text: PrefixText, stride: number, count: number): number {
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >> 1
      const id = idAt(text, stride, middle)
      if (id < this.chainOfId.length && this.chainOfId[id]! > 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function idAt(text: PrefixText, stride: number, position: number): number {
  return text.ids[(position + 1) * stride - 1]!
}
