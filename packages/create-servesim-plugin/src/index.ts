export { type CreatedPlugin, createPlugin, type PluginRequest } from './create-plugin.js'
export { type Kind, kinds } from './kinds.js'
