import { definePlugin, stepCost, technique } from '@servesim/core'
import { z } from 'zod'
import { StragglerCost } from './straggler-cost.js'
import { stragglerTable } from './straggler-table.js'

/** The longest context of a batch finishes last and alone. */
export const decodeStraggler = definePlugin('technique-decode-straggler', (host) => {
  host.provide(technique, {
    name: 'decode-straggler',
    description: 'What decode attention takes because the contexts of a batch differ.',
    flag: 'decode-straggler',
    options: z.strictObject({}),
    build(_options, { claim }) {
      claim(stepCost, {
        name: 'decode-straggler',
        // The kernel decides on the padded batch.
        after: ['cuda-graphs'],
        wrap(next, { straggler, kvHeads, layers, assume }) {
          if (straggler === undefined) return next
          assume('Decode attention waits for its longest contexts; those between are taken to spread exponentially.')
          const table = stragglerTable({
            multiprocessors: straggler.streamingMultiprocessors,
            kvHeads,
            blockNs: straggler.blockNsPerContextToken,
            sharedNs: straggler.sharedNsPerContextToken / kvHeads,
          })
          return new StragglerCost(next, table, layers)
        },
      })
    },
  })
})

export default decodeStraggler
