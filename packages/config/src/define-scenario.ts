import type { Plugin, ScenarioInput } from '@servesim/core'

type Fragment<T> = T extends readonly (infer Entry)[] ? Fragment<Entry>[] : T extends object ? { [Key in keyof T]?: Fragment<T[Key]> } : T

/** What a `servesim.config.ts` may hold: any part of a scenario, and plugins. What is left out comes from the defaults. */
export type ScenarioConfig = Fragment<ScenarioInput> & { plugins?: readonly (Plugin | string)[] }

/** Types the default export of a `servesim.config.ts`; returns it as it is. */
export function defineScenario(config: ScenarioConfig): ScenarioConfig {
  return config
}
