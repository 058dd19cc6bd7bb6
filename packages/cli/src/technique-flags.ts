import { applyUse, withoutTechnique } from '@servesim/config'
import { type Registry, technique } from '@servesim/core'
import type { Command } from 'commander'

/** A technique of the registry that has a flag of its own. */
interface Flagged {
  name: string
  flag: string
  description: string
}

function flagged(registry: Registry): Flagged[] {
  return registry
    .all(technique)
    .flatMap(({ provided: { name, flag, description } }) => (flag === undefined ? [] : [{ name, flag, description }]))
    .sort((a, b) => (a.flag < b.flag ? -1 : 1))
}

/** Declares `--<flag>` and `--no-<flag>` for every technique that wants one. */
export function addTechniqueFlags(command: Command, registry: Registry): void {
  command.optionsGroup('Techniques (all but speculative decoding are on by default):')
  for (const { flag, name, description } of flagged(registry))
    command.option(`--${flag}`, description).option(`--no-${flag}`, `without ${name}`)
}

/** Switches techniques on and off as the flags say. @param flags by camel-case name, as commander gives them */
export function withTechniqueFlags(scenario: unknown, flags: Readonly<Record<string, unknown>>, registry: Registry): unknown {
  return flagged(registry).reduce((changed, { name, flag }) => {
    const on = flags[camelCase(flag)]
    if (on === true) return hasTechnique(changed, name) ? changed : applyUse(changed, { name, options: [] }, registry)
    return on === false ? withoutTechnique(changed, name) : changed
  }, scenario)
}

function hasTechnique(scenario: unknown, name: string): boolean {
  const { pools } = scenario as { pools?: { techniques?: { use?: unknown }[] }[] }
  return pools?.every((pool) => pool.techniques?.some((entry) => entry.use === name)) ?? false
}

/** `max-num-seqs` → `maxNumSeqs`, as commander names options. */
export function camelCase(flag: string): string {
  return flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
