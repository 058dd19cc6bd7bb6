import { definePlugin, ServesimError, technique, timeline } from '@servesim/core'
import { z } from 'zod'
import { interleaved } from './interleaved.js'

export { type LayerSegments, makespanNs } from './makespan.js'

/** Two half batches in turn: while one is on the accelerator, the other is in memory that computes, or on the network. */
export const subBatchInterleaving = definePlugin('technique-sub-batch-interleaving', (host) => {
  host.provide(technique, {
    name: 'sub-batch-interleaving',
    description: 'Two half batches in turn, so that accelerator and memory, or compute and network, work beside each other.',
    options: z.strictObject({
      minSequences: z.number().int().min(2).max(1e6).default(2).describe('Smallest batch that is split'),
    }),
    build({ minSequences }, context) {
      context.assume(
        'Each step is two half batches in turn; work outside the layers is spread over them, and each half streams the weights again.',
      )
      context.claim(timeline, {
        name: 'sub-batch-interleaving',
        arrange(sequential, price, { path, layers, attentionBeside, exchanges, pipelineStages, groupRanks }) {
          const refuse = (message: string, hint: string) => new ServesimError('SERVESIM_CAPABILITY_MISMATCH', path, message, hint)
          if (pipelineStages > 1 || groupRanks > 1)
            throw refuse(
              'Halves of a batch are interleaved within one replica of one stage.',
              'Leave out the pipeline and the group, or switch sub-batch-interleaving off.',
            )
          if (!attentionBeside && !exchanges)
            throw refuse(
              'Everything of this replica is on one device: there is nothing that halves of a batch could overlap.',
              'Use several ranks, or attention-offload, or switch sub-batch-interleaving off.',
            )
          return interleaved(sequential, price, layers, minSequences)
        },
      })
    },
  })
})

export default subBatchInterleaving
