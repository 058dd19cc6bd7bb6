import { definePlugin, stepCost, technique } from '@servesim/core'
import { z } from 'zod'
import { HostTime } from './host-time.js'

const duration = z.number().min(0).max(1e6)

/** Host work that a step has to wait for, where asynchronous scheduling does not hide it. */
export const hostTime = definePlugin('technique-host-time', (host) => {
  host.provide(technique, {
    name: 'host-time',
    description: 'Host work per step: scheduling, input preparation, launching.',
    flag: 'host-time',
    options: z.strictObject({
      mixedStepMs: duration
        .optional()
        .describe('Steps with prefill that no CUDA graph replays; absent: as the device states. Never below decodeStepMs'),
      decodeStepMs: duration.default(0.12).describe('Any other step'),
      perSequenceUs: duration.default(0).describe('Added for each sequence of a step'),
    }),
    build({ mixedStepMs, decodeStepMs, perSequenceUs }, { claim }) {
      claim(stepCost, {
        name: 'host-time',
        // Graph modes must have been written by then.
        after: ['cuda-graphs'],
        wrap(next, { mixedStepHostMs, assume }) {
          const mixedMs = Math.max(mixedStepMs ?? mixedStepHostMs ?? 0, decodeStepMs)
          if (mixedMs > decodeStepMs) {
            const origin = mixedStepMs === undefined ? 'as the device states' : 'as the scenario states'
            assume(`Steps with prefill and without a CUDA graph keep the host busy for ${Math.round(mixedMs * 1e3) / 1e3} ms, ${origin}.`)
          }
          return new HostTime(next, { mixedStepNs: mixedMs * 1e6, decodeStepNs: decodeStepMs * 1e6, perSequenceNs: perSequenceUs * 1e3 })
        },
      })
    },
  })
})

export default hostTime
