/**
 * What happens at one instant happens in this order, so that a result does not depend on the order in which events were put in:
 * completions of steps and transfers, then arrivals, admission and routing, then controllers, then forming.
 */
export const Phase = { complete: 0, arrive: 1, control: 2, form: 3 } as const
export type Phase = (typeof Phase)[keyof typeof Phase]

/**
 * Binary heap of events over typed arrays, ordered by time, then phase, then handle. A handle is a small integer that its owner
 * keeps; each has at most one event, which can be moved or taken back (an arrival cuts a stretch of steps short).
 */
export class EventQueue {
  private times = new Float64Array(16)
  private phases = new Uint8Array(16)
  /** Heap of handles, and where each handle stands in it; −1: no event. */
  private heap = new Int32Array(16)
  private position = new Int32Array(16).fill(-1)
  private size = 0

  get length(): number {
    return this.size
  }

  /** Time of the next event; Infinity when there is none. */
  get nextNs(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.times[this.heap[0]!]!
  }

  /** Phase of the next event; meaningless when there is none. */
  get nextPhase(): Phase {
    return this.phases[this.heap[0]!]! as Phase
  }

  /** Sets or moves the handle's event. */
  set(handle: number, timeNs: number, phase: Phase): void {
    if (handle >= this.times.length) this.grow(handle)
    this.times[handle] = timeNs
    this.phases[handle] = phase
    let at = this.position[handle]!
    if (at < 0) {
      at = this.size++
      this.heap[at] = handle
      this.position[handle] = at
    }
    this.down(this.up(at))
  }

  /** Takes the handle's event back, if it has one. */
  remove(handle: number): void {
    const at = handle < this.position.length ? this.position[handle]! : -1
    if (at < 0) return
    this.position[handle] = -1
    const last = this.heap[--this.size]!
    if (last === handle) return
    this.heap[at] = last
    this.position[last] = at
    this.down(this.up(at))
  }

  has(handle: number): boolean {
    return handle < this.position.length && this.position[handle]! >= 0
  }

  /** Removes the next event and returns its handle. The queue must not be empty. */
  pop(): number {
    const handle = this.heap[0]!
    this.remove(handle)
    return handle
  }

  private before(a: number, b: number): boolean {
    const dt = this.times[a]! - this.times[b]!
    if (dt !== 0) return dt < 0
    const dp = this.phases[a]! - this.phases[b]!
    return dp !== 0 ? dp < 0 : a < b
  }

  private up(from: number): number {
    const { heap, position } = this
    const handle = heap[from]!
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent]!
      if (!this.before(handle, other)) break
      heap[at] = other
      position[other] = at
      at = parent
    }
    heap[at] = handle
    position[handle] = at
    return at
  }

  private down(from: number): void {
    const { heap, position } = this
    const handle = heap[from]!
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.size) break
      if (child + 1 < this.size && this.before(heap[child + 1]!, heap[child]!)) child++
      const other = heap[child]!
      if (!this.before(other, handle)) break
      heap[at] = other
      position[other] = at
      at = child
    }
    heap[at] = handle
    position[handle] = at
  }

  private grow(handle: number): void {
    const capacity = Math.max(this.times.length * 2, handle + 1)
    const times = new Float64Array(capacity)
    times.set(this.times)
    const phases = new Uint8Array(capacity)
    phases.set(this.phases)
    const heap = new Int32Array(capacity)
    heap.set(this.heap)
    const position = new Int32Array(capacity).fill(-1)
    position.set(this.position)
    this.times = times
    this.phases = phases
    this.heap = heap
    this.position = position
  }
}
