import { definePlugin, ServesimError, stepCost, technique } from '@servesim/core'
import { z } from 'zod'
import { captureLadder, paddedSizes } from './capture-sizes.js'
import { GraphPadding } from './graph-padding.js'

const size = z.int().min(1).max(1_000_000)

/** Steps run at the next captured batch size, as in vLLM. */
export const cudaGraphs = definePlugin('technique-cuda-graphs', (host) => {
  host.provide(technique, {
    name: 'cuda-graphs',
    description: 'Pads steps to the captured CUDA graph sizes.',
    flag: 'cuda-graphs',
    options: z.strictObject({
      mode: z
        .enum(['full-and-piecewise', 'piecewise', 'none'])
        .default('full-and-piecewise')
        .describe('Full graphs for batches that only decode and pieces for the rest, pieces for all, or no graphs'),
      maxCaptureSize: size.optional().describe('Largest captured size in tokens; absent: min(2 × sequence limit, 512)'),
      captureSizes: z.array(size).min(1).max(10_000).optional().describe('Captured sizes in tokens; absent: vLLM’s ladder'),
    }),
    build({ mode, maxCaptureSize, captureSizes }, { path, claim }) {
      if (mode === 'none') return
      claim(stepCost, {
        name: 'cuda-graphs',
        wrap(next, { maxBatchedTokens, maxSequences, maxDrafts }) {
          const ladder = captureLadder({ maxBatchedTokens, maxSequences, maxDrafts, captureSizes, maxCaptureSize })
          // A step cannot even hold one sequence and its drafts.
          if (ladder.length === 0 && maxDrafts >= maxBatchedTokens) return next
          if (ladder.length === 0) {
            throw new ServesimError(
              'SERVESIM_BAD_OPTION',
              `${path}.captureSizes`,
              `No captured size is left: the smallest is ${Math.min(...(captureSizes ?? [1]))}, the largest allowed ${Math.min(maxCaptureSize ?? maxBatchedTokens, maxBatchedTokens)} tokens.`,
              'Add a smaller size, or switch graphs off with mode: none.',
            )
          }
          return new GraphPadding(next, paddedSizes(ladder), mode === 'piecewise' ? 0 : maxSequences * (1 + maxDrafts), 1 + maxDrafts)
        },
      })
    },
  })
})

export default cudaGraphs
