export { defineScenario, type ScenarioConfig } from '@servesim/config'
export { main } from './main.js'
export { processTerminal, type Terminal } from './terminal.js'
export { type Errors, type ValidateOptions, type Validation, validateRun } from './validate/validate-run.js'
