import { definePlugin, type Plugin, type RequestDraft, type Workload, workload } from '@servesim/core'
import { z } from 'zod'

const count = z.number().int().min(1).max(1e8)

const options = z.strictObject({
  requestCount: count.default(100).describe('Requests in all'),
  burstSize: count.default(8).describe('Requests that arrive at one instant'),
  gapS: z.number().min(0).max(1e6).default(1).describe('From one burst to the next, seconds'),
  promptTokens: count.default(512).describe('Mean prompt length; each is drawn between half of it and one and a half times as much'),
  outputTokens: count.default(128).describe('Tokens to generate'),
})

/** Requests that come in bursts. */
export const exampleName: Plugin = definePlugin('workload-example-name', (host) => {
  host.provide(workload, {
    name: 'example-name',
    description: 'Requests that come in bursts.',
    options,
    build({ requestCount, burstSize, gapS, promptTokens, outputTokens }, { random }): Workload {
      // A stream of its own: other parts' draws stay what they are.
      const lengths = random.stream('example-name-lengths')
      let given = 0
      return {
        requestCount,
        prefixGroupTokens: 0,
        next(out: RequestDraft) {
          if (given === requestCount) return 0
          out.arrivalNs = Math.round(Math.floor(given / burstSize) * gapS * 1e9)
          out.promptTokens = Math.max(1, Math.round(promptTokens * (0.5 + lengths.uniform())))
          out.outputTokens = outputTokens
          out.priority = 0
          out.prefixIds = undefined
          out.prefixIdCount = 0
          given++
          return 1
        },
      }
    },
  })
})

export default exampleName
