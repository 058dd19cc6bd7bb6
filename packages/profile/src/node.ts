export {
  type AiconfiguratorRequest,
  type ImportedTables,
  importAiconfigurator,
  listSystems,
  readSystem,
  type System,
  SystemTables,
} from './node/aiconfigurator/index.js'
export { findBundles, readBundle, writeBundle } from './node/bundle-folder.js'
export { importLlmservingsim, type LlmservingsimOptions, llmservingsim } from './node/llmservingsim.js'
export { openBundle } from './node/open-bundle.js'
