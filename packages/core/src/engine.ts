import { ServesimError } from './errors.js'
import type { EventQueue, Phase } from './event-queue.js'
import type { RequestColumn, RequestTable } from './request-table.js'
import type { Results } from './results.js'
import type { StepUnit } from './step-unit.js'
import { type TransferChannel, Transfers } from './transfers.js'

/** Calls back at an instant that its owner chose. */
export interface Timer {
  /**
   * @param timeNs integer, not before now
   * @param phase what it counts as among the events of its instant
   * @param token handed back
   * @param replica where given, the event is dropped if that replica has died by then
   */
  at(timeNs: number, phase: Phase, token: number, replica?: number): void
}

/** A named total in the result. */
export interface Counter {
  value: number
}

/** One event that its owner moves about. */
export interface Alarm {
  /** Sets the instant of the next call, in place of the one set before; Infinity: none. */
  set(timeNs: number): void
}

/** One end of a transfer: a rank of a replica, or the memory of that rank's host. */
export interface TransferEnd {
  replica: number
  /** `stage × tensor + tensor rank`; default 0. */
  rank?: number
  at?: 'device' | 'host'
}

/** What travels, with the window in which it comes into being; see `TransferChannel.send`. */
export interface Transfer {
  source: TransferEnd
  target: TransferEnd
  bytes: number
  availableFromNs?: number
  availableToNs?: number
  chunks?: number
}

/**
 * Primitives that techniques share, so that none invents its own: timers, transfers, holds, columns of their own and counters. There is
 * one engine per simulation; techniques get it when they are built and use it while events run.
 */
export class Engine {
  nowNs = 0
  /** Set once the units exist. */
  units: readonly StepUnit[] = []
  readonly counters = new Map<string, Counter>()
  private readonly deathCallbacks: ((replica: number) => void)[] = []
  private readonly callbacks: ((token: number, nowNs: number) => void)[] = []
  /** Pending events by slot: even handles from `firstHandle` on; the odd ones are the clients’. */
  private readonly owners: number[] = []
  private readonly tokens: number[] = []
  private readonly replicas: number[] = []
  private readonly epochs: number[] = []
  private readonly freeHandles: number[] = []
  /** Bytes that travel between ranks and hosts. */
  readonly transfers = new Transfers(this)
  private readonly doneCallbacks: (((nowNs: number) => void) | undefined)[] = []
  private readonly freeCallbacks: number[] = []
  private readonly single: TransferChannel

  constructor(
    private readonly events: EventQueue,
    private readonly requests: RequestTable,
    private readonly results: Results,
    private readonly firstHandle: number,
  ) {
    this.single = this.transfers.channel({
      arrived: (token, nowNs) => this.takeCallback(token)(nowNs),
      dropped: (token) => void this.takeCallback(token),
    })
  }

  timer(callback: (token: number, nowNs: number) => void): Timer {
    const owner = this.callbacks.push(callback) - 1
    return { at: (timeNs, phase, token, replica = -1) => this.schedule(owner, timeNs, phase, token, replica) }
  }

  /** @param phase what it counts as among the events of its instant */
  alarm(phase: Phase, callback: (nowNs: number) => void): Alarm {
    const owner = this.callbacks.push((_token, nowNs) => callback(nowNs)) - 1
    const slot = this.owners.push(owner) - 1
    this.replicas[slot] = kept
    const handle = this.firstHandle + 2 * slot
    return {
      set: (timeNs) => {
        if (timeNs === Number.POSITIVE_INFINITY) this.events.remove(handle)
        else this.events.set(handle, this.notPast(timeNs), phase)
      },
    }
  }

  private schedule(owner: number, timeNs: number, phase: Phase, token: number, replica: number): void {
    const slot = this.freeHandles.pop() ?? this.owners.length
    this.owners[slot] = owner
    this.tokens[slot] = token
    this.replicas[slot] = replica
    // At build no replica exists yet; all begin with epoch 0.
    this.epochs[slot] = this.units[replica]?.epoch ?? 0
    this.events.set(this.firstHandle + 2 * slot, this.notPast(timeNs), phase)
  }

  private notPast(timeNs: number): number {
    if (timeNs >= this.nowNs) return timeNs
    throw new ServesimError(
      'SERVESIM_BROKEN_INVARIANT',
      'timer',
      `An event is set for ${timeNs} ns at ${this.nowNs} ns; expected an instant not before now.`,
    )
  }

  /** Handle of the event at which a request's client may go away. */
  clientHandle(row: number): number {
    return this.firstHandle + 2 * row + 1
  }

  /** @returns the row whose client the handle belongs to; −1: it belongs to a timer */
  clientOf(handle: number): number {
    const local = handle - this.firstHandle
    return (local & 1) === 1 ? local >> 1 : -1
  }

  /** An event of a timer is due. */
  dispatch(handle: number, nowNs: number): void {
    const slot = (handle - this.firstHandle) >> 1
    const replica = this.replicas[slot]!
    if (replica !== kept) this.freeHandles.push(slot)
    if (replica >= 0 && this.units[replica]!.epoch !== this.epochs[slot]) return
    this.callbacks[this.owners[slot]!]!(this.tokens[slot]!, nowNs)
  }

  /**
   * Sends bytes from one rank or host to another. It ends when the links between have carried everything, and never before the last byte
   * exists. One of whose ends the replica dies is dropped: `done` is not called. Techniques with many transfers keep a channel of
   * `transfers` instead, which costs no closure for each and tells of drops.
   * @returns a ticket for `transfers.cancel`
   */
  transfer({ source, target, bytes, availableFromNs, availableToNs, chunks }: Transfer, done: (nowNs: number) => void): number {
    const token = this.freeCallbacks.pop() ?? this.doneCallbacks.length
    this.doneCallbacks[token] = done
    return this.single.send(this.endpoint(source), this.endpoint(target), bytes, token, availableFromNs, availableToNs, chunks)
  }

  private takeCallback(token: number): (nowNs: number) => void {
    const done = this.doneCallbacks[token]!
    this.doneCallbacks[token] = undefined
    this.freeCallbacks.push(token)
    return done
  }

  /** What was set going for the replica is void from now on: its timers are dropped when due, its transfers at once. */
  replicaDied(replica: number): void {
    this.units[replica]!.epoch++
    this.transfers.dropReplica(replica)
    for (const callback of this.deathCallbacks) callback(replica)
  }

  private endpoint({ replica, rank = 0, at = 'device' }: TransferEnd): number {
    const { placement } = this.transfers
    if (!(replica < placement.replicaCount && rank < placement.ranksOf(replica))) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        'transfer',
        `There is no rank ${rank} of replica ${replica} to send bytes from or to.`,
      )
    }
    return at === 'host' ? placement.host(replica, rank) : placement.rank(replica, rank)
  }

  /** Calls back when a replica has died: what it held is gone. */
  onDeath(callback: (replica: number) => void): void {
    this.deathCallbacks.push(callback)
  }

  /** A waiting request stays where it is, with its blocks and without slot or token budget, until `release`. */
  hold(request: number): void {
    this.requests.held[request] = 1
  }

  /** The request may run again; its replica looks at it at its next form. */
  release(request: number): void {
    this.requests.held[request] = 0
    this.units[this.requests.replica[request]!]?.wake(this.nowNs)
  }

  /** A column of the request table that a technique owns; 0 in a new row. */
  requestColumn(): RequestColumn {
    return this.requests.addColumn()
  }

  /** Carries a column of the request table into the result. @param unit as in `ns`, `tokens` */
  resultColumn(name: string, unit: string, from: RequestColumn): void {
    this.results.requests.addColumn(name, unit, from)
  }

  counter(name: string): Counter {
    const known = this.counters.get(name)
    if (known !== undefined) return known
    const counter = { value: 0 }
    this.counters.set(name, counter)
    return counter
  }
}

/** Stands for the replica of a slot that belongs to an alarm. */
const kept = -2
