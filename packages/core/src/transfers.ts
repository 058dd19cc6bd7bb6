import { ServesimError } from './errors.js'
import type { Fabric, LinkUsage, Placement } from './points/fabric.js'

/** What becomes of a technique's transfers; `token` is the owner's own number for each. */
export interface TransferEnds {
  /** The last byte has arrived. */
  arrived(token: number, nowNs: number): void
  /** The replica at either end has died. Absent: nobody needs to know. */
  dropped?(token: number, nowNs: number): void
}

/** Sends bytes on behalf of one owner. */
export interface TransferChannel {
  /**
   * @param source and `target`: endpoints, as `Transfers.placement` names them
   * @param fromNs and `toNs`: the first byte and the last one exist from these instants on; absent: now. Apart for what is handed over
   *   layer by layer
   * @param chunks equal pieces in which the bytes come into being between the two, the last of them at `toNs`: layers. Absent: evenly
   * @returns what `Transfers.cancel` and `rate` take
   */
  send(source: number, target: number, bytes: number, token: number, fromNs?: number, toNs?: number, chunks?: number): number
}

/** A ticket is slot + generation × this: a ticket of a transfer that is over never fits a later one. */
const slots = 2 ** 22

/**
 * Transfers between ranks and hosts, carried by the cluster's fabric: who waits for which, and what dies with a replica. A transfer
 * that ends costs no allocation.
 */
export class Transfers {
  /** Set once all pools stand; so is the fabric, where the scenario or a technique asks for one. */
  placement!: Placement
  private fabric: Fabric | undefined
  private openFabric: (() => Fabric) | undefined
  private neededBy: string | undefined
  /** By replica: share of the time that collectives keep its links busy. */
  private readonly loads: number[] = []
  private readonly ends: TransferEnds[] = []
  /** By slot; owner −1: free. */
  private readonly owners: number[] = []
  private readonly tokens: number[] = []
  private readonly sources: number[] = []
  private readonly targets: number[] = []
  private readonly generations: number[] = []
  private readonly freeSlots: number[] = []
  /** Started so far, bytes in all, and how many at once. */
  count = 0
  bytes = 0
  active = 0
  peakActive = 0

  constructor(private readonly clock: { readonly nowNs: number }) {}

  /** To be called by a technique while it is built, so that links nothing is known about are an error then. @param path of the technique */
  need(path: string): void {
    this.neededBy ??= path
  }

  /** @param open builds the fabric; called at once where it is needed, else at the first transfer */
  bind(placement: Placement, open: (neededBy: string) => Fabric, eager: boolean): void {
    this.placement = placement
    const path = this.neededBy ?? 'fabric'
    this.openFabric = () => open(path)
    if (eager || this.neededBy !== undefined) this.opened()
  }

  private opened(): Fabric {
    if (this.fabric === undefined) {
      this.fabric = this.openFabric!()
      for (const [replica, share] of this.loads.entries()) if (share > 0) this.fabric.load?.(replica, share, this.clock.nowNs)
    }
    return this.fabric
  }

  channel(ends: TransferEnds): TransferChannel {
    const owner = this.ends.push(ends) - 1
    return {
      send: (source, target, bytes, token, fromNs = this.clock.nowNs, toNs = fromNs, chunks = Number.POSITIVE_INFINITY) =>
        this.start(owner, source, target, bytes, token, fromNs, toNs, chunks),
    }
  }

  private start(
    owner: number,
    source: number,
    target: number,
    bytes: number,
    token: number,
    fromNs: number,
    toNs: number,
    chunks: number,
  ): number {
    const fabric = this.opened()
    if (!(bytes >= 0 && Number.isFinite(bytes) && fromNs <= toNs && Number.isFinite(toNs) && chunks >= 1)) {
      throw broken(`${bytes} bytes in ${chunks} pieces that exist from ${fromNs} to ${toNs} ns are to be sent at ${this.clock.nowNs} ns.`)
    }
    if (!(this.isEndpoint(source) && this.isEndpoint(target))) {
      throw broken(`Bytes are to be sent from endpoint ${source} to ${target} of ${this.placement.endpointCount}.`)
    }
    const slot = this.freeSlots.pop() ?? this.owners.length
    this.owners[slot] = owner
    this.tokens[slot] = token
    this.sources[slot] = source
    this.targets[slot] = target
    const generation = (this.generations[slot] ?? 0) + 1
    this.generations[slot] = generation
    this.count++
    this.bytes += bytes
    if (++this.active > this.peakActive) this.peakActive = this.active
    fabric.start(slot, source, target, bytes, fromNs, toNs, chunks, this.clock.nowNs)
    return slot + generation * slots
  }

  private isEndpoint(endpoint: number): boolean {
    return Number.isInteger(endpoint) && endpoint >= 0 && endpoint < this.placement.endpointCount
  }

  /** The fabric says so. */
  ended(slot: number, nowNs: number): void {
    const owner = this.owners[slot]!
    const token = this.tokens[slot]!
    this.free(slot)
    this.ends[owner]!.arrived(token, nowNs)
  }

  /** Stops a transfer; its owner hears no more of it. @returns whether it was still under way */
  cancel(ticket: number): boolean {
    const slot = this.slotOf(ticket)
    if (slot < 0) return false
    this.fabric!.cancel(slot, this.clock.nowNs)
    this.free(slot)
    return true
  }

  /** Everything from or to the ranks of a replica that died is dropped at once; what is left speeds up. */
  dropReplica(replica: number): void {
    const { placement, sources, targets, tokens } = this
    const { nowNs } = this.clock
    for (let slot = 0; slot < this.owners.length; slot++) {
      const owner = this.owners[slot]!
      if (owner < 0) continue
      if (placement.replicaOf(sources[slot]!) !== replica && placement.replicaOf(targets[slot]!) !== replica) continue
      const token = tokens[slot]!
      this.fabric!.cancel(slot, nowNs)
      this.free(slot)
      this.ends[owner]!.dropped?.(token, nowNs)
    }
  }

  /** Collectives keep the links of a replica's ranks busy for this share of the time from now on. */
  load(replica: number, share: number): void {
    this.loads[replica] = share
    this.fabric?.load?.(replica, share, this.clock.nowNs)
  }

  /** @returns ns that a transfer would take which starts now, were all others to go on as they do */
  estimateNs(source: number, target: number, bytes: number): number {
    return this.opened().estimateNs(source, target, bytes, this.clock.nowNs)
  }

  /** @returns bytes per ns at which it moves now; 0 for one that waits for its first byte or is over */
  rate(ticket: number): number {
    const slot = this.slotOf(ticket)
    return slot < 0 ? 0 : this.fabric!.rate(slot, this.clock.nowNs)
  }

  /** By kind of link; empty where nothing was ever needed. */
  usage(nowNs: number): LinkUsage[] {
    return this.fabric?.usage(nowNs) ?? []
  }

  get assumptions(): readonly string[] {
    return this.count === 0 ? [] : this.fabric!.assumptions
  }

  private slotOf(ticket: number): number {
    const slot = ticket % slots
    return this.owners[slot] !== undefined && this.owners[slot]! >= 0 && this.generations[slot] === Math.floor(ticket / slots) ? slot : -1
  }

  private free(slot: number): void {
    this.owners[slot] = -1
    this.freeSlots.push(slot)
    this.active--
  }
}

function broken(message: string): ServesimError {
  return new ServesimError('SERVESIM_BROKEN_INVARIANT', 'transfer', message, 'This is a defect of a technique: report the scenario.')
}
