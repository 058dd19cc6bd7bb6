import type { SplitKernel } from '@servesim/profile'

/**
 * Time of a decode attention kernel, block by block. Thread blocks start in issue order, one per multiprocessor, each as soon as one is
 * free. Running blocks progress equally: a token of each takes what the memory needs for all of them, or a block's own limit, whichever
 * is longer.
 *
 * Since progress is equal, blocks are scheduled on a clock of tokens read; how fast it runs depends on how many blocks run, and as long
 * as blocks wait that is one per multiprocessor.
 * @param blocks tokens of KV that each block reads, in issue order; 0 for what only pads the batch
 * @returns ns, without the launch's fixed cost
 */
export function kernelNs(blocks: Float64Array, { multiprocessors, blockNs, sharedNs }: SplitKernel): number {
  const tokenNs = (running: number) => Math.max(blockNs, running * sharedNs)
  const first = Math.min(multiprocessors, blocks.length)
  // Ends of the running blocks, earliest on top: a binary heap, since a sorted array is one.
  const ends = blocks.slice(0, first).sort()
  for (let i = first; i < blocks.length; i++) replaceTop(ends, ends[0]! + blocks[i]!)
  ends.sort()
  // Every multiprocessor is busy until the first of these ends: nothing waits any more, and blocks only end.
  let time = 0
  let at = 0
  for (let i = 0; i < ends.length; i++) {
    time += (ends[i]! - at) * tokenNs(ends.length - i)
    at = ends[i]!
  }
  return time
}

/** Puts `end` in place of the earliest end. */
function replaceTop(ends: Float64Array, end: number): void {
  const { length } = ends
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= length) break
    if (child + 1 < length && ends[child + 1]! < ends[child]!) child++
    if (ends[child]! >= end) break
    ends[at] = ends[child]!
    at = child
  }
  ends[at] = end
}

/**
 * Blocks of a decode batch in the order in which FlashAttention-2 issues them. Unsplit, the grid is batch × heads with sequences varying
 * fastest; split, the parts of a sequence vary fastest, then its heads.
 * @param contexts tokens per sequence, in batch order
 * @param splits parts that each sequence is cut into
 */
export function issueOrder(contexts: Float64Array, kvHeads: number, splits: number): Float64Array {
  const blocks = new Float64Array(contexts.length * kvHeads * splits)
  if (splits === 1) {
    for (let head = 0; head < kvHeads; head++) blocks.set(contexts, head * contexts.length)
  } else {
    for (let i = 0; i < contexts.length; i++) blocks.fill(contexts[i]! / splits, i * kvHeads * splits, (i + 1) * kvHeads * splits)
  }
  return blocks
}
