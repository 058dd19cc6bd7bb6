import { type Admission, type ClusterView, type RequestTable, Verdict } from '@servesim/core'

export interface QueueLimitOptions {
  maxWaiting: number
  maxInFlight: number
  maxQueued: number
  sparePriority?: number | undefined
}

/**
 * Lets requests in while the replicas' queues are short. The others wait at the door, as long as there is room; beyond that they are
 * refused, as a server answers 429. Counts are taken live over all replicas that take requests.
 */
export class QueueLimit implements Admission {
  reason = ''

  constructor(
    private readonly options: QueueLimitOptions,
    private readonly requests: RequestTable,
  ) {}

  admit(request: number, view: ClusterView, queued: number): Verdict {
    const { maxWaiting, maxInFlight, maxQueued, sparePriority } = this.options
    if (sparePriority !== undefined && this.requests.priority[request]! <= sparePriority) return Verdict.accept
    let replicas = 0
    let waiting = 0
    let running = 0
    for (let replica = 0; replica < view.replicaCount; replica++) {
      if (!view.takesRequests(replica)) continue
      replicas++
      waiting += view.waiting(replica)
      running += view.running(replica)
    }
    if (waiting < maxWaiting * replicas && waiting + running < maxInFlight * replicas) return Verdict.accept
    if (queued < maxQueued) return Verdict.queue
    this.reason = `${waiting} requests wait and ${running} run on ${replicas} replicas, and ${queued} wait at the door`
    return Verdict.refuse
  }
}
