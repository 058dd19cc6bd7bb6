import { equalBatchNs, type SplitKernel, splitsOf } from '@servesim/profile'
import { likelyContexts, shuffledRanks } from './batch-shape.js'
import { issueOrder, kernelNs } from './list-schedule.js'

/** Cells between mean ÷ longest = 0 and 1: time is nearly linear in it. */
const cells = 16

/** Batch sizes are scheduled up to this one, then in steps of it, with a line between. */
const sizeStep = 8

/** Orders of the batch that are averaged, each turned by an equal part of it. */
const turns = 2

/** Every order of a sequence ÷ 1: launched sizes from here on are split no more. */
const unsplit = Number.MAX_SAFE_INTEGER

/** A row per batch size: what a batch takes beyond one of equal contexts, by mean ÷ longest, in ns per token of the longest. */
type Rows = (Float64Array | undefined)[]

/**
 * What decode attention of one layer takes because contexts differ, over a batch of equal contexts with the same mean. Worked out block
 * by block for likely contexts, entry by entry when first needed, so that a lookup costs a few operations.
 */
export class StragglerTable {
  private readonly extra = new Map<number, Rows>()
  private readonly scheduled = new Map<number, Rows>()
  private readonly splits: number[] = []

  constructor(private readonly kernel: SplitKernel) {}

  /**
   * The row of a batch.
   * @param decodes sequences ≥ 2
   * @param launched sequences the kernel is launched for, padding included; undefined where it carries prefill and splits nothing
   */
  row(decodes: number, launched: number | undefined): StragglerRow {
  }
}
