/** The parent of a prefix's first group. */
export const NO_PARENT = -1

/**
 * Gives every distinct prefix of a fixed group size a dense id, in the order first seen. An id names the pair (id of the prefix
 * before, content of the group), compared in full, so that equal ids mean equal prefixes and nothing can collide.
 * Open addressing with linear probing, at most half full; an entry's words lie in one pool.
 */
export class PrefixInterner {
  private count = 0
  private slots = new Int32Array(128)
  private parents = new Int32Array(64)
  private hashes = new Int32Array(64)
  private words: Int32Array

  /** @param groupWords 32-bit words that make one group, ≥ 1 */
  constructor(private readonly groupWords: number) {
    this.words = new Int32Array(64 * groupWords)
  }

  /** Prefixes known. */
  get size(): number {
    return this.count
  }

  /**
   * @param parent id of the prefix before this group, or `NO_PARENT`
   * @param source `groupWords` words from `start` on; copied where the prefix is new
   * @returns the id, 0 ≤ id < size
   */
  intern(parent: number, source: Int32Array, start: number): number {
    const hash = hashGroup(parent, source, start, this.groupWords)
    const mask = this.slots.length - 1
    let slot = hash & mask
    for (;;) {
      const id = this.slots[slot]! - 1
      if (id < 0) break
      if (this.hashes[id] === hash && this.parents[id] === parent && this.holds(id, source, start)) return id
      slot = (slot + 1) & mask
    }
    return this.insert(slot, hash, parent, source, start)
  }

  private holds(id: number, source: Int32Array, start: number): boolean {
    const base = id * this.groupWords
    for (let i = 0; i < this.groupWords; i++) if (this.words[base + i] !== source[start + i]) return false
    return true
  }

  private insert(slot: number, hash: number, parent: number, source: Int32Array, start: number): number {
    const id = this.count++
    this.slots[slot] = id + 1
    this.hashes[id] = hash
    this.parents[id] = parent
    const base = id * this.groupWords
    for (let i = 0; i < this.groupWords; i++) this.words[base + i] = source[start + i]!
    if (this.count * 2 === this.slots.length) this.grow()
    return id
  }

  private grow(): void {
    this.parents = doubled(this.parents)
    this.hashes = doubled(this.hashes)
    this.words = doubled(this.words)
    this.slots = new Int32Array(this.slots.length * 2)
    const mask = this.slots.length - 1
    for (let id = 0; id < this.count; id++) {
      let slot = this.hashes[id]! & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = id + 1
    }
  }
}

/** FNV-1a over words instead of bytes, then the finish of MurmurHash3 (Appleby), since the table uses the low bits. */
function hashGroup(parent: number, source: Int32Array, start: number, length: number): number {
  let h = Math.imul(parent ^ 0x811c9dc5, 0x01000193)
  for (let i = 0; i < length; i++) h = Math.imul(h ^ source[start + i]!, 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function doubled(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(values.length * 2)
  larger.set(values)
  return larger
}
