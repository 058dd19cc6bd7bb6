import type { ClusterView, Router } from '@servesim/core'

/**
 * Picks the replica with the lowest waitingWeight × waiting + running. The scan starts one replica further for each request and the
 * first of equals wins, so that an idle cluster is filled evenly.
 *
 * Counts are copied at most every `viewAgeNs`, at the first request due; picks made in between count as waiting in the copy, as in
 * vLLM's front end, whose coordinator publishes at most every 100 ms. Age 0 copies for every request, which is the live view.
 */
export class LeastLoaded implements Router {
  readonly reads = 'shape'
  private readonly waiting: Float64Array
  private readonly running: Float64Array
  private copiedNs = Number.NEGATIVE_INFINITY
  private start = 0

  constructor(
    replicaCount: number,
    private readonly waitingWeight: number,
    private readonly viewAgeNs: number,
  ) {
    this.waiting = new Float64Array(replicaCount)
    this.running = new Float64Array(replicaCount)
  }

  route(_request: number, view: ClusterView, timeNs: number): number {
    if (timeNs - this.copiedNs >= this.viewAgeNs) this.copy(view, timeNs)
    const { waiting, running, waitingWeight } = this
    const count = view.replicaCount
    const first = this.start < count ? this.start : 0
    this.start = first + 1
    let best = first
    let lowest = Number.POSITIVE_INFINITY
    for (let i = 0, replica = first; i < count; i++, replica = replica + 1 === count ? 0 : replica + 1) {
      const score = waitingWeight * waiting[replica]! + running[replica]!
      if (score < lowest && view.takesRequests(replica)) {
        lowest = score
        best = replica
      }
    }
    waiting[best]!++
    return best
  }

  private copy(view: ClusterView, timeNs: number): void {
    for (let replica = 0; replica < view.replicaCount; replica++) {
      this.waiting[replica] = view.waiting(replica)
      this.running[replica] = view.running(replica)
    }
    this.copiedNs = timeNs
  }
}
