export { type AiconfiguratorRequest, type ImportedTables, importAiconfigurator } from './build-bundle.js'
export { listSystems, readSystem, type System } from './systems.js'
export { SystemTables } from './tables.js'
