import type { Step } from './step.js'

/** What a replica was last seen doing. */
const idle = 0
const decoding = 1
const mixing = 2

/**
 * Where collectives of a replica and flows meet on its links: how many flows its collectives are priced with, and which share of the time
 * flows find the links busy with collectives. That share is taken from steps as they start: from each that computes prompts, and from
 * the first that only decodes. The decode steps behind it are alike, and may be taken in a stretch.
 */
export class LinkLoad {
  /** On the busiest of the links. */
  flows = 0
  private seen = idle

  /**
   * @param linkNs how long the links are busy in a priced step, without flows
   * @param report tells the fabric of another share
   */
  constructor(
    private readonly linkNs: (step: Step) => number,
    private readonly report: (share: number) => void,
  ) {}

  started(step: Step): void {
    const doing = step.mixed ? mixing : decoding
    if (doing === decoding && this.seen === decoding) return
    this.seen = doing
    let busyNs = 0
    for (let s = 0; s < step.stageNs.length; s++) busyNs += step.stageNs[s]!
    this.report(Math.min(1, this.linkNs(step) / busyNs))
  }

  /** Nothing runs, or nothing is left to run. */
  stopped(): void {
    if (this.seen === idle) return
    this.seen = idle
    this.report(0)
  }
}
