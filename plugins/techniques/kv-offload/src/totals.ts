import type { Counter, Engine, RequestColumn } from '@servesim/core'

/** What the result says of loads and stores. */
export class Totals {
  readonly hitTokens: Counter
  readonly loadedBytes: Counter
  readonly storedBytes: Counter
  readonly skippedBlocks: Counter
  readonly loadWaitS: Counter
  readonly peakFraction: Counter
  /** Of each request: tokens loaded, and ns between the first look at them and its admission. */
  readonly requestTokens: RequestColumn
  readonly requestWaitNs: RequestColumn

  constructor(engine: Engine) {
    this.hitTokens = engine.counter('hostHitTokens')
    this.loadedBytes = engine.counter('hostLoadedBytes')
    this.storedBytes = engine.counter('hostStoredBytes')
    this.skippedBlocks = engine.counter('hostSkippedBlocks')
    this.loadWaitS = engine.counter('hostLoadWaitSeconds')
    this.peakFraction = engine.counter('hostPeakFraction')
    this.requestTokens = engine.requestColumn()
    this.requestWaitNs = engine.requestColumn()
    engine.resultColumn('hostHitTokens', 'tokens', this.requestTokens)
    engine.resultColumn('hostLoadWaitNs', 'ns', this.requestWaitNs)
  }
}
