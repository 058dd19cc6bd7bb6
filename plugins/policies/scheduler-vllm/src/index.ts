import { definePlugin, scheduler } from '@servesim/core'
import { limitsOf, options } from './options.js'
import { VllmScheduler } from './vllm-scheduler.js'

/** vLLM's V1 scheduler. */
export const vllmScheduler = definePlugin('scheduler-vllm', (host) => {
  host.provide(scheduler, {
    name: 'vllm',
    description: 'Forms steps as vLLM’s V1 scheduler does: running requests first, chunked prefill, preemption by recomputation.',
    options,
    limits: limitsOf,
    build: (own, context) => new VllmScheduler(own, context),
  })
})

export default vllmScheduler
