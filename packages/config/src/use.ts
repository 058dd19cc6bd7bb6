import { type Registry, ServesimError } from '@servesim/core'
import { readValue } from './assignments.js'
import { choicePoints, clusterMembers, findProvider, listMembers, type NamedProvider, poolMembers } from './choices.js'
import { installHint } from './missing-packages.js'
import { isObject, parsePath, splitOutsideBrackets, withValueAt } from './path.js'

/** `name[:key=value,…]`: a provider and options of it, as text. */
export interface Use {
  name: string
  options: { key: string; text: string }[]
}

/** @throws ServesimError SERVESIM_BAD_OPTION */
export function parseUse(text: string): Use {
  const colon = text.indexOf(':')
  const name = (colon < 0 ? text : text.slice(0, colon)).trim()
  if (name === '') throw badUse(text, 'names no plugin')
  if (colon < 0) return { name, options: [] }
  const options = splitOutsideBrackets(text.slice(colon + 1)).map((part) => {
    const at = part.indexOf('=')
    if (at < 1) throw badUse(text, `has an option "${part}" without a value`)
    return { key: part.slice(0, at).trim(), text: part.slice(at + 1).trim() }
  })
  return { name, options }
}

function badUse(text: string, what: string): ServesimError {
  return new ServesimError(
    'SERVESIM_BAD_OPTION',
    `--use ${text}`,
    `This ${what}.`,
    'Write, for example, --use least-loaded:waitingWeight=2,viewAgeMs=100.',
  )
}

/**
 * Puts a provider where its name lives: router, workload, fabric, admission and controllers of the cluster; techniques, scheduler, network and device of every pool.
 * @throws ServesimError SERVESIM_UNKNOWN_NAME with near matches over all those points
 */
export function applyUse(scenario: unknown, use: Use, registry: Registry): unknown {
  for (const member of [...clusterMembers, ...poolMembers]) {
    const provider = findProvider(registry, choicePoints[member]!, use.name)
    if (provider === undefined) continue
    const choice = choiceOf(provider, use)
    const chosen = (before: unknown) => (listMembers.includes(member) ? withChoice(before, choice) : choice)
    if (!clusterMembers.includes(member)) return forEachPool(scenario, (pool) => ({ ...pool, [member]: chosen(pool[member]) }))
    return withValueAt(scenario, [member], chosen(isObject(scenario) ? scenario[member] : undefined))
  }
  const known = [...clusterMembers, ...poolMembers].flatMap((member) =>
    registry.all(choicePoints[member]!).map((entry) => entry.provided.name),
  )
  const ofKinds = [...clusterMembers, ...poolMembers].map((member) => choicePoints[member]!.id.split('/')[1]!)
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    '--use',
    `No installed plugin provides "${use.name}".`,
    installHint(use.name, known, ofKinds),
  )
}

/** A copy of the scenario without a technique, in every pool. */
export function withoutTechnique(scenario: unknown, name: string): unknown {
  return forEachPool(scenario, (pool) =>
    Array.isArray(pool.techniques)
      ? { ...pool, techniques: pool.techniques.filter((entry) => !isObject(entry) || entry.use !== name) }
      : pool,
  )
}

/** A copy of the scenario with every pool changed. */
export function forEachPool(scenario: unknown, change: (pool: Record<string, unknown>) => Record<string, unknown>): unknown {
  if (!isObject(scenario) || !Array.isArray(scenario.pools)) return scenario
  return { ...scenario, pools: scenario.pools.map((pool: unknown) => (isObject(pool) ? change(pool) : pool)) }
}

function choiceOf(provider: NamedProvider, use: Use): Record<string, unknown> & { use: string } {
  const options = use.options.reduce<unknown>((choice, { key, text }) => {
    const keys = parsePath(key)
    const schema = keys.length === 1 ? (provider.options.shape[key] as Parameters<typeof readValue>[1]) : undefined
    return withValueAt(choice, keys, readValue(text, schema))
  }, {})
  return { ...(options as Record<string, unknown>), use: provider.name }
}

/** In place of the same provider where it is on already, else last. */
function withChoice(before: unknown, choice: { use: string }): unknown[] {
  const list: unknown[] = Array.isArray(before) ? before : []
  const at = list.findIndex((entry) => isObject(entry) && entry.use === choice.use)
  return at < 0 ? [...list, choice] : list.with(at, choice)
}
