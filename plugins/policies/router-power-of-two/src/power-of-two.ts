import type { ClusterView, RandomStream, Router } from '@servesim/core'

/**
 * Two different replicas, drawn evenly; the one with fewer requests in flight, waiting or running, wins, the first drawn of equals.
 *
 * Counts are copied at most every `viewAgeNs`, at the first request due; picks made in between count in the copy, since a router knows
 * what it has sent. Age 0 copies for every request, which is the live view.
 */
export class PowerOfTwo implements Router {
  readonly reads = 'shape'
  private readonly inFlight: Float64Array
  /** Replicas that take requests; scratch. */
  private readonly open: Int32Array
  private copiedNs = Number.NEGATIVE_INFINITY

  constructor(
    replicaCount: number,
    private readonly random: RandomStream,
    private readonly viewAgeNs: number,
  ) {
    this.inFlight = new Float64Array(replicaCount)
    this.open = new Int32Array(replicaCount)
  }

  route(_request: number, view: ClusterView, timeNs: number): number {
    const { inFlight, random, open } = this
    let count = 0
    for (let replica = 0; replica < view.replicaCount; replica++) if (view.takesRequests(replica)) open[count++] = replica
    if (count === 1) return open[0]!
    if (timeNs - this.copiedNs >= this.viewAgeNs) this.copy(view, timeNs)
    const first = random.integer(count)
    // Of the others, so that both are always different.
    const draw = random.integer(count - 1)
    const one = open[first]!
    const other = open[draw < first ? draw : draw + 1]!
    const chosen = inFlight[other]! < inFlight[one]! ? other : one
    inFlight[chosen]!++
    return chosen
  }

  private copy(view: ClusterView, timeNs: number): void {
    for (let replica = 0; replica < view.replicaCount; replica++) {
      this.inFlight[replica] = view.waiting(replica) + view.running(replica)
    }
    this.copiedNs = timeNs
  }
}
