export {
  type AiconfiguratorRequest,
  type ImportedTables,
  importAiconfigurator,
  listSystems,
  readSystem,
  type System,
  SystemTables,
} from './node/aiconfigurator/index.js'
export { findBundles, readBundle, recoverBundle, writeBundle } from './node/bundle-folder.js'
export { importLlmservingsim, type LlmservingsimOptions, llmservingsim } from './node/llmservingsim.js'
export { importLlmservingsimV0, llmservingsimV0 } from './node/llmservingsim-v0.js'
export { openBundle, ownImporters } from './node/open-bundle.js'
export { importVidur, vidur } from './node/vidur.js'
