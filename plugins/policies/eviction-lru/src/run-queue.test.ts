import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RunQueue } from './run-queue.js'

it('keeps the order of a plain array under appends, insertions and removals', () => {
  const operation = fc.record({ kind: fc.constantFrom('append', 'insert', 'remove'), pick: fc.nat(1000) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const queue = new RunQueue(2)
      const model: number[] = []
      let run = 0
      for (const { kind, pick } of operations) {
        const at = model.length === 0 ? 0 : pick % model.length
        if (kind === 'append' || model.length === 0) {
          queue.append(run)
          model.push(run++)
        } else if (kind === 'insert') {
          queue.insertBefore(model[at]!, run)
          model.splice(at, 0, run++)
        } else queue.remove(model.splice(at, 1)[0]!)
        expect(queue.oldest).toBe(model[0] ?? -1)
      }
      while (model.length > 0) {
        expect(queue.oldest).toBe(model.shift())
        queue.remove(queue.oldest)
      }
      expect(queue.oldest).toBe(-1)
    }),
  )
})
