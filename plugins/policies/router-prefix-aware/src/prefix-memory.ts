/**
 * What one replica was sent: the prefixes of its prompts, by prefix id. An id stands for a whole prefix, so a set of ids is the tree of
 * all texts, and the ids of a text that are known lead it. Ids stand in order of last use, the longer of two prefixes of one use first:
 * leaves are forgotten before what they hang on.
 */
export class PrefixMemory {
  private readonly ids = new Set<number>()

  get size(): number {
    return this.ids.size
  }

  /** How many of the first `count` ids are known. */
  match(ids: Int32Array, count: number): number {
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ids.has(ids[middle]!)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first `count` ids are in use now. */
  insert(ids: Int32Array, count: number): void {
    for (let i = count; i-- > 0; ) {
      // A set keeps the order of insertion.
      this.ids.delete(ids[i]!)
      this.ids.add(ids[i]!)
    }
  }

  /** Forgets what was used longest ago until at most `most` ids are left. */
  evict(most: number): void {
    for (const id of this.ids) {
      if (this.ids.size <= most) return
      this.ids.delete(id)
    }
  }
}
