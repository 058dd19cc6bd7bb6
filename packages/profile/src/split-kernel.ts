/**
 * Decode attention as FlashAttention-2 runs it, for batches whose contexts are equal: which thread blocks there are and how they fill the
 * chip. Between measured batch sizes latency is not linear: blocks run in waves, and the kernel stops splitting sequences at some size.
 */
export interface SplitKernel {
  multiprocessors: number
  /** KV heads of the rank. */
  kvHeads: number
  /** One block's time per token of context where memory is no bound, ns. */
  blockNs: number
  /** Time per token of context of one block when all multiprocessors share the memory's bandwidth, ÷ the blocks that run, ns. */
  sharedNs: number
}

const mostSplits = 128
/** FlashAttention-2's `num_splits_heuristic`: no split from this fill on, and the fewest splits within this share of the best fill. */
const fillWithoutSplit = 0.8
const goodFill = 0.85

/**
 * Parts that FlashAttention-2 cuts each sequence into: none once batch × KV heads nearly fill the chip, counted at two blocks per
 * multiprocessor; else the fewest that fill whole waves well.
 * @param launched sequences the kernel is launched for, padding included
 */
export function splitsOf({ multiprocessors, kvHeads }: SplitKernel, launched: number): number {
  const blocks = launched * kvHeads
  const slots = 2 * multiprocessors
  if (blocks >= fillWithoutSplit * slots) return 1
  const fill = (splits: number) => {
    const waves = (blocks * splits) / slots
    return waves / Math.ceil(waves)
  }
  let best = 0
  for (let splits = 1; splits <= mostSplits; splits++) best = Math.max(best, fill(splits))
  let splits = 1
  while (fill(splits) < goodFill * best) splits++
  return splits
}

/**
 * Time of a batch of equal contexts: whole waves of one block per multiprocessor (a block's shared memory fills one), then the rest.
 * While many blocks run they share the memory's bandwidth; a few are limited by what one block can do.
 * @param context tokens of each sequence
 * @returns ns, without the launch's fixed cost
 */
export function equalBatchNs(kernel: SplitKernel, decodes: number, launched: number, context: number): number {
  const { multiprocessors, kvHeads, blockNs, sharedNs } = kernel
  const splits = splitsOf(kernel, launched)
  const blocks = decodes * kvHeads * splits
  const rest = blocks % multiprocessors
  const tokens = context / splits
  const wave = (running: number) => tokens * Math.max(blockNs, running * sharedNs)
  return Math.floor(blocks / multiprocessors) * wave(multiprocessors) + (rest === 0 ? 0 : wave(rest))
}
