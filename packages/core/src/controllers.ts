import type { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import { Phase } from './event-queue.js'
import type { Cluster, Controller } from './points/controller.js'
import type { Replicas } from './replicas.js'

/** Where nothing else happens, controllers may go on this often before the run counts as stuck. */
const callsInVain = 10_000

interface ControllersHost {
  readonly cluster: Cluster
  /** Whether requests are in flight, or will come. */
  isUnfinished(): boolean
  /** Events to come, arrivals included, beside so many of controllers. */
  otherEvents(controllers: number): number
}

interface ClusterActions {
  kill(replica: number): void
  /** A replica takes requests again. */
  opened(): void
}

/** The replicas as controllers see them. */
export function clusterOf(replicas: Replicas, { kill, opened }: ClusterActions): Cluster {
  const { units, poolOf } = replicas
  return {
    replicaCount: units.length,
    pool: (replica) => poolOf[replica]!.name,
    isAlive: (replica) => units[replica]!.alive,
    takesRequests: (replica) => units[replica]!.takesRequests,
    waiting: (replica) => units[replica]!.waitingCount,
    running: (replica) => units[replica]!.running.length,
    kill,
    start(replica) {
      replicas.start(replica)
      opened()
    },
    drain(replica) {
      units[replica]!.draining = true
    },
  }
}

/** Calls each controller at the instants it asks for, as long as there is work. */
export class Controllers {
  private pending = 0
  private inVain = 0

  constructor(
    controllers: readonly Controller[],
    engine: Engine,
    private readonly host: ControllersHost,
  ) {
    const timer = engine.timer((token, nowNs) => {
      this.pending--
      if (!this.host.isUnfinished()) return
      this.countInVain(nowNs)
      const nextNs = controllers[token]!.act(this.host.cluster, nowNs)
      if (nextNs === Number.POSITIVE_INFINITY) return
      this.pending++
      timer.at(nextNs, Phase.control, token)
    })
    for (let i = 0; i < controllers.length; i++) {
      this.pending++
      timer.at(0, Phase.control, i)
    }
  }

  private countInVain(nowNs: number): void {
    this.inVain = this.host.otherEvents(this.pending) > 0 ? 0 : this.inVain + 1
    if (this.inVain < callsInVain) return
    throw new ServesimError(
      'SERVESIM_STALLED',
      'controllers',
      `Requests wait at ${nowNs} ns, no replica does anything, and ${callsInVain} calls of controllers have not changed that.`,
      'Let a controller start a replica again, or none of them stop the last one.',
    )
  }
}
