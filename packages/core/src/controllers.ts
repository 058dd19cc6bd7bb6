import type { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import { Phase } from './event-queue.js'
import type { Cluster, Controller } from './points/controller.js'

/** Where nothing else happens, controllers may go on this often before the run counts as stuck. */
const callsInVain = 10_000

interface ControllersHost {
  readonly cluster: Cluster
  /** Requests are in flight, or will come. */
  readonly unfinished: boolean
  /** Events other than the controllers' are to come. */
  readonly hasOtherEvents: boolean
}

/** Calls each controller at the instants it asks for, as long as there is work. */
export class Controllers {
  pending = 0
  private inVain = 0

  constructor(
    controllers: readonly Controller[],
    private readonly host: ControllersHost,
    engine: Engine,
  ) {
    const timer = engine.timer((token, nowNs) => {
      this.pending--
      if (!this.host.unfinished) return
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
    this.inVain = this.host.hasOtherEvents ? 0 : this.inVain + 1
    if (this.inVain < callsInVain) return
    throw new ServesimError(
      'SERVESIM_STALLED',
      'controllers',
      `Requests wait at ${nowNs} ns, no replica does anything, and ${callsInVain} calls of controllers have not changed that.`,
      'Let a controller start a replica again, or none of them stop the last one.',
    )
  }
}
