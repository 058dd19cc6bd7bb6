import { definePlugin, scheduler } from '@servesim/core'
import { limitsOf, options } from './options.js'
import { SglangScheduler } from './sglang-scheduler.js'

/** SGLang's scheduler. */
export const sglangScheduler = definePlugin('scheduler-sglang', (host) => {
  host.provide(scheduler, {
    name: 'sglang',
    description: 'Forms steps as SGLang does: prompts before decodes, admission by an estimate of coming tokens, retraction.',
    options,
    limits: limitsOf,
    build: (own, context) => new SglangScheduler(own, context),
  })
})

export default sglangScheduler
