/** KV blocks in use over time, as seen right after each form. */
export class KvUse {
  peakBlocks = 0
  /** Σ blocks × ns. */
  blockNs = 0
  private blocks = 0
  private sinceNs = 0

  /** From `nowNs` on, `blocks` are in use. */
  set(blocks: number, nowNs: number): void {
    this.blockNs += this.blocks * (nowNs - this.sinceNs)
    this.blocks = blocks
    this.sinceNs = nowNs
    if (blocks > this.peakBlocks) this.peakBlocks = blocks
  }
}
