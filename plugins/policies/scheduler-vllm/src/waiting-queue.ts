import type { RequestTable } from '@servesim/core'

/** Requests that wait for admission, in the policy's order. */
export interface WaitingQueue {
  readonly length: number
  /** The request that is admitted next; the queue must not be empty. */
  peek(): number
  pop(): void
  push(request: number): void
  /** A preempted request comes back. */
  pushBack(request: number): void
  remove(request: number): void
}

/** First come, first served; preempted requests go to the head, the last of several in front. A ring that grows. */
export class FcfsQueue implements WaitingQueue {
  private ring = new Int32Array(64)
  private head = 0
  length = 0

  peek(): number {
    return this.ring[this.head]!
  }

  pop(): void {
    this.head = (this.head + 1) % this.ring.length
    this.length--
  }

  push(request: number): void {
    if (this.length === this.ring.length) this.grow()
    this.ring[(this.head + this.length) % this.ring.length] = request
    this.length++
  }

  pushBack(request: number): void {
    if (this.length === this.ring.length) this.grow()
    this.head = (this.head + this.ring.length - 1) % this.ring.length
    this.ring[this.head] = request
    this.length++
  }

  remove(request: number): void {
    const kept = this.toArray().filter((r) => r !== request)
    this.head = 0
    this.length = kept.length
    this.ring.set(kept)
  }

  private toArray(): number[] {
    return Array.from({ length: this.length }, (_, i) => this.ring[(this.head + i) % this.ring.length]!)
  }

  private grow(): void {
    const items = this.toArray()
    this.ring = new Int32Array(2 * this.ring.length)
    this.ring.set(items)
    this.head = 0
  }
}

/** Lower priority number first, then earlier arrival: a binary heap. Preempted requests take the place their numbers give them. */
export class PriorityQueue implements WaitingQueue {
  private heap: number[] = []

  constructor(private readonly requests: RequestTable) {}

  get length(): number {
    return this.heap.length
  }

  peek(): number {
    return this.heap[0]!
  }

  pop(): void {
    const last = this.heap.pop()!
    if (this.heap.length > 0) {
      this.heap[0] = last
      this.down(0)
    }
  }

  push(request: number): void {
    this.heap.push(request)
    let at = this.heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!comesBefore(this.requests, this.heap[at]!, this.heap[parent]!)) break
      this.swap(at, parent)
      at = parent
    }
  }

  pushBack(request: number): void {
    this.push(request)
  }

  remove(request: number): void {
    const kept = this.heap.filter((r) => r !== request)
    this.heap = []
    for (const r of kept) this.push(r)
  }

  private down(from: number): void {
    let at = from
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.heap.length && comesBefore(this.requests, this.heap[child]!, this.heap[least]!)) least = child
      }
      if (least === at) return
      this.swap(at, least)
      at = least
    }
  }

  private swap(a: number, b: number): void {
    const kept = this.heap[a]!
    this.heap[a] = this.heap[b]!
    this.heap[b] = kept
  }
}

/** Order under the priority policy: (priority, arrival), ties by the order of arrival. */
export function comesBefore({ priority, arrivalNs, arrivalIndex }: RequestTable, a: number, b: number): boolean {
  return (
    priority[a]! - priority[b]! < 0 ||
    (priority[a] === priority[b] && (arrivalNs[a]! - arrivalNs[b]! || arrivalIndex[a]! - arrivalIndex[b]!) < 0)
  )
}
