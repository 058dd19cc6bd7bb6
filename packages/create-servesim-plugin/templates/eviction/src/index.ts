import { definePlugin, type Eviction, eviction, type Plugin } from '@servesim/core'
import { z } from 'zod'

/** Reuses first what was released first. */
export const exampleName: Plugin = definePlugin('eviction-example-name', (host) => {
  host.provide(eviction, {
    name: 'example-name',
    description: 'Reuses the blocks first that have been unreferenced longest.',
    options: z.strictObject({}),
    build: () => new ExampleName(),
  })
})

export default exampleName

/** Unreferenced runs, oldest first. A run that leaves stays in the list with its old place and is passed over. */
class ExampleName implements Eviction {
  private readonly order: { run: number; place: number }[] = []
  /** Where a run stands now; absent: it has a holder. */
  private readonly places = new Map<number, number>()
  private nextPlace = 0
  private oldest = 0

  release(run: number): void {
    this.places.set(run, this.nextPlace)
    this.order.push({ run, place: this.nextPlace++ })
  }

  reference(run: number): void {
    this.places.delete(run)
  }

  /** The later part of a run goes just before the earlier one. */
  split(run: number, rest: number): void {
    const at = this.order.findLastIndex((entry) => entry.run === run && entry.place === this.places.get(run))
    const place = this.nextPlace++
    this.places.set(rest, place)
    this.order.splice(at, 0, { run: rest, place })
  }

  victim(): number {
    while (this.oldest < this.order.length) {
      const { run, place } = this.order[this.oldest]!
      if (this.places.get(run) === place) return run
      this.oldest++
    }
    return -1
  }
}
