import { ServesimError } from './errors.js'
import type { EventQueue, Phase } from './event-queue.js'
import type { RequestColumn, RequestTable } from './request-table.js'
import type { Results } from './results.js'
import type { StepUnit } from './step-unit.js'

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

/** What one replica sends another, with the window in which it comes into being. */
export interface Transfer {
  source: number
  target: number
  bytes: number
  /** The first byte and the last byte exist from these instants on: apart for what is handed over layer by layer. */
  availableFromNs: number
  availableToNs: number
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
  private readonly callbacks: ((token: number, nowNs: number) => void)[] = []
  /** Pending events by handle − firstHandle. */
  private readonly owners: number[] = []
  private readonly tokens: number[] = []
  private readonly replicas: number[] = []
  private readonly epochs: number[] = []
  private readonly freeHandles: number[] = []
  private readonly transfers: ((nowNs: number) => void)[] = []
  private readonly transferTimer: Timer

  constructor(
    private readonly events: EventQueue,
    private readonly requests: RequestTable,
    private readonly results: Results,
    private readonly firstHandle: number,
  ) {
    this.transferTimer = this.timer((token, nowNs) => this.transfers[token]!(nowNs))
  }

  timer(callback: (token: number, nowNs: number) => void): Timer {
    const owner = this.callbacks.push(callback) - 1
    return { at: (timeNs, phase, token, replica = -1) => this.schedule(owner, timeNs, phase, token, replica) }
  }

  private schedule(owner: number, timeNs: number, phase: Phase, token: number, replica: number): void {
    if (!(timeNs >= this.nowNs)) {
      throw new ServesimError(
        'SERVESIM_BROKEN_INVARIANT',
        'timer',
        `An event is set for ${timeNs} ns at ${this.nowNs} ns; expected an instant not before now.`,
      )
    }
    const slot = this.freeHandles.pop() ?? this.owners.length
    this.owners[slot] = owner
    this.tokens[slot] = token
    this.replicas[slot] = replica
    // At build no replica exists yet; all begin with epoch 0.
    this.epochs[slot] = this.units[replica]?.epoch ?? 0
    this.events.set(this.firstHandle + slot, timeNs, phase)
  }

  /** An event of a timer is due. */
  dispatch(handle: number, nowNs: number): void {
    const slot = handle - this.firstHandle
    this.freeHandles.push(slot)
    const replica = this.replicas[slot]!
    if (replica >= 0 && this.units[replica]!.epoch !== this.epochs[slot]) return
    this.callbacks[this.owners[slot]!]!(this.tokens[slot]!, nowNs)
  }

  /**
   * Sends bytes from one replica to another over the source's network. It ends when the link has carried everything, and never before
   * the last byte exists. Transfers do not slow each other down.
   */
  transfer({ source, target, bytes, availableFromNs, availableToNs }: Transfer, done: (nowNs: number) => void): void {
    const { network } = this.units[source]!
    if (network === undefined) {
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        'network',
        `Replica ${source} sends ${bytes} bytes to replica ${target}, and its pool names no network.`,
        'Add a network to the pool.',
      )
    }
    const endNs = Math.max(this.nowNs, availableFromNs) + Math.round(network.transferNs(bytes))
    const slot = this.transfers.indexOf(finished)
    const token = slot < 0 ? this.transfers.length : slot
    this.transfers[token] = (nowNs) => {
      this.transfers[token] = finished
      done(nowNs)
    }
    this.transferTimer.at(Math.max(endNs, availableToNs), 0, token, target)
  }

  /** A waiting request stays where it is, with its blocks and without slot or token budget, until `release`. */
  hold(request: number): void {
    this.requests.held[request] = 1
  }

  /** The request may run again; its replica looks at it at its next form. */
  release(request: number): void {
    this.requests.held[request] = 0
    this.units[this.requests.replica[request]!]!.wake(this.nowNs)
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

const finished = (): void => {}
