import type { Engine, TransferChannel } from '@servesim/core'

/** One copy between a replica's ranks and the memories of their hosts. */
export interface Copy {
  /** Everything has arrived, or a rank has died. */
  done(nowNs: number): void
  dropped(): void
}

interface UnderWay {
  copy: Copy
  tickets: number[]
  left: number
}

/** Copies, each a flow for every rank over the rank's own link to its host. */
export class Copies {
  private readonly channel: TransferChannel
  private readonly underWay = new Map<number, UnderWay>()
  private count = 0

  constructor(private readonly engine: Engine) {
    this.channel = engine.transfers.channel({
      arrived: (token, nowNs) => this.arrived(token, nowNs),
      dropped: (token) => {
        const { copy } = this.underWay.get(token) ?? {}
        this.cancel(token)
        copy?.dropped()
      },
    })
  }

  /** @param bytesOfRank for each rank of the replica. @returns what `cancel` takes */
  begin(replica: number, toHost: boolean, bytesOfRank: Float64Array, blocks: number, copy: Copy): number {
    const { placement } = this.engine.transfers
    const token = this.count++
    const tickets: number[] = []
    this.underWay.set(token, { copy, tickets, left: bytesOfRank.length })
    for (const [rank, bytes] of bytesOfRank.entries()) {
      const [host, device] = [placement.host(replica, rank), placement.rank(replica, rank)]
      tickets.push(toHost ? this.channel.send(device, host, bytes * blocks, token) : this.channel.send(host, device, bytes * blocks, token))
    }
    return token
  }

  /** ns until a load would have landed, were all flows to go on as they do. */
  estimateLoadNs(replica: number, bytesOfRank: Float64Array, blocks: number): number {
    const { placement } = this.engine.transfers
    let ns = 0
    for (const [rank, bytes] of bytesOfRank.entries()) {
      ns = Math.max(ns, this.engine.transfers.estimateNs(placement.host(replica, rank), placement.rank(replica, rank), bytes * blocks))
    }
    return ns
  }

  /** Nobody hears of the copy any more. */
  cancel(token: number): void {
    const copy = this.underWay.get(token)
    if (copy === undefined) return
    this.underWay.delete(token)
    for (const ticket of copy.tickets) this.engine.transfers.cancel(ticket)
  }

  private arrived(token: number, nowNs: number): void {
    const copy = this.underWay.get(token)
    if (copy === undefined || --copy.left > 0) return
    this.underWay.delete(token)
    copy.copy.done(nowNs)
  }
}
