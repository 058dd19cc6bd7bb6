import { definePlugin, modelSource } from '@servesim/core'
import { catalogue } from './catalogue.js'

/** Provides the catalogue of models. */
export const models = definePlugin('models', (host) => {
  host.provide(modelSource, catalogue)
})
