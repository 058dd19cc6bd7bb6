import { type Cluster, type Controller, type RandomStream, ServesimError } from '@servesim/core'

export interface FaultsOptions {
  events: { atS: number; replica: number; action: 'kill' | 'start' | 'drain' }[]
  meanTimeBetweenFailuresS?: number | undefined
  meanTimeToRepairS: number
}

interface Event {
  timeNs: number
  replica: number
  action: 'kill' | 'start' | 'drain'
  /** Drawn: another follows it. */
  drawn: boolean
}

/** A list of events, and for each replica a life of its own: up for an exponential time, down for another. */
export class Faults implements Controller {
  /** In order of time; of one instant, in the order in which they were put in. */
  private readonly events: Event[] = []

  constructor(
    private readonly options: FaultsOptions,
    path: string,
    replicaCount: number,
    private readonly random: RandomStream,
  ) {
    for (const [i, { atS, replica, action }] of options.events.entries()) {
      if (replica >= replicaCount) {
        throw new ServesimError(
          'SERVESIM_BAD_OPTION',
          `${path}.events.${i}.replica`,
          `There is no replica ${replica}; the pools have ${replicaCount}.`,
          `Name one from 0 to ${replicaCount - 1}.`,
        )
      }
      this.put({ timeNs: Math.round(atS * 1e9), replica, action, drawn: false })
    }
    if (options.meanTimeBetweenFailuresS === undefined) return
    for (let replica = 0; replica < replicaCount; replica++) this.draw(replica, 'kill', 0)
  }

  act(cluster: Cluster, nowNs: number): number {
    while (this.events.length > 0 && this.events[0]!.timeNs <= nowNs) {
      const { replica, action, drawn } = this.events.shift()!
      if (action === 'kill') {
        if (cluster.isAlive(replica)) cluster.kill(replica)
      } else cluster[action](replica)
      if (drawn) this.draw(replica, action === 'kill' ? 'start' : 'kill', nowNs)
    }
    return this.events[0]?.timeNs ?? Number.POSITIVE_INFINITY
  }

  private draw(replica: number, action: 'kill' | 'start', nowNs: number): void {
    const { meanTimeBetweenFailuresS, meanTimeToRepairS } = this.options
    const meanS = action === 'kill' ? meanTimeBetweenFailuresS! : meanTimeToRepairS
    // At least 1 ns: a controller acts at instants that differ.
    const timeNs = nowNs + Math.max(1, Math.round(this.random.exponential() * meanS * 1e9))
    this.put({ timeNs, replica, action, drawn: true })
  }

  private put(event: Event): void {
    const at = this.events.findIndex(({ timeNs }) => timeNs > event.timeNs)
    this.events.splice(at < 0 ? this.events.length : at, 0, event)
  }
}
