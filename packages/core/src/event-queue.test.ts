import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventQueue, Phase } from './event-queue.js'

const operation = fc.record({
  kind: fc.constantFrom('set', 'set', 'remove', 'pop'),
  handle: fc.nat(40),
  timeNs: fc.nat(5),
  phase: fc.constantFrom(...Object.values(Phase)),
})

it('pops by time, then phase, then handle, whatever is set, moved and taken back', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new EventQueue()
      const model = new Map<number, { handle: number; timeNs: number; phase: Phase }>()
      const first = () => [...model.values()].sort((a, b) => a.timeNs - b.timeNs || a.phase - b.phase || a.handle - b.handle)[0]
      const pop = () => {
        const { handle, timeNs, phase } = first()!
        expect([queue.nextNs, queue.nextPhase, queue.pop()]).toEqual([timeNs, phase, handle])
        model.delete(handle)
      }
      for (const { kind, handle, timeNs, phase } of operations) {
        if (kind === 'set') {
          queue.set(handle, timeNs, phase)
          model.set(handle, { handle, timeNs, phase })
        } else if (kind === 'remove') {
          queue.remove(handle)
          model.delete(handle)
        } else if (model.size > 0) pop()
        expect([queue.length, queue.has(handle)]).toEqual([model.size, model.has(handle)])
      }
      while (model.size > 0) pop()
      expect(queue.nextNs).toBe(Number.POSITIVE_INFINITY)
    }),
  )
})

it('completes before it lets requests arrive, and forms last, at one instant', () => {
  const queue = new EventQueue()
  queue.set(0, 7, Phase.form)
  queue.set(1, 7, Phase.control)
  queue.set(2, 7, Phase.arrive)
  queue.set(3, 7, Phase.complete)
  expect([queue.pop(), queue.pop(), queue.pop(), queue.pop()]).toEqual([3, 2, 1, 0])
})
