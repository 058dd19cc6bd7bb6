import { definePlugin, operatorTransform, ServesimError, technique } from '@servesim/core'
import { z } from 'zod'
import { offloadedAttention } from './offloaded-attention.js'

/** Decode attention on memory that computes, where the KV cache then lies; everything else stays on the accelerator. */
export const attentionOffload = definePlugin('technique-attention-offload', (host) => {
  host.provide(technique, {
    name: 'attention-offload',
    description: 'Decode attention on memory that computes, beside the accelerator.',
    options: z.strictObject({
      device: z
        .union([z.string().min(1), z.looseObject({ use: z.string().min(1) })])
        .default('ddr4-3200-pim')
        .describe('Device that takes the decodes, one for each rank, with its options'),
      linkGBps: z
        .number()
        .gt(0)
        .max(1e6)
        .optional()
        .describe('Between accelerator and memory, 10⁹ B/s; absent: the memory is the accelerator’s own'),
      syncUs: z.number().min(0).max(1e6).default(0).describe('Handing over to the memory and waiting for it, in each layer, µs'),
    }),
    build({ device: choice, linkGBps, syncUs }, context) {
      const memory = context.device(typeof choice === 'string' ? { use: choice } : choice)
      const { name, memoryBytes } = memory.spec
      context.assume(
        `Decode attention runs on ${name}, which holds the KV cache; ${
          linkGBps === undefined ? 'it is the accelerator’s own memory' : `queries and results travel at ${linkGBps} GB/s`
        }, and each layer waits ${syncUs} µs more.`,
      )
      context.claim(operatorTransform, {
        name: 'attention-offload',
        transform(compiled, graph, { path, tensorParallel, maxBatchedTokens, maxSequences }) {
          const shape = graph.operators.find((operator) => operator.kind === 'attention')
          if (shape === undefined)
            throw new ServesimError(
              'SERVESIM_CAPABILITY_MISMATCH',
              path,
              'The model has no attention to offload.',
              'Switch attention-offload off.',
            )
          const other = memory.compile(
            { ...graph, operators: [shape], collectives: [] },
            { tensorParallel, maxBatchedTokens, maxSequences },
          )
          for (const sentence of other.assumptions) context.assume(sentence)
          const attention = offloadedAttention(compiled.attention, other.attention, shape, { linkGBps, syncUs })
          return {
            compiled: { ...compiled, latency: (operator, rows) => compiled.latency(operator, rows), attention },
            kvMemory: { where: name, bytes: memoryBytes },
          }
        },
      })
    },
  })
})

export default attentionOffload
