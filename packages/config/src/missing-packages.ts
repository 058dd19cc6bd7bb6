import { nearMatches, type Registry, ServesimError } from '@servesim/core'
import { choicePoints, clusterMembers, findProvider, listMembers, poolMembers } from './choices.js'
import { longNames } from './find-plugins.js'
import { knownPackages } from './known-packages.generated.js'
import { isObject } from './path.js'

/**
 * Looks whether everything that a scenario chooses by name is installed.
 * @throws ServesimError SERVESIM_UNKNOWN_NAME with the package to install, or with near matches where it is a slip of the hand
 */
export function checkInstalled(scenario: unknown, registry: Registry): void {
  for (const { member, name, path } of choicesOf(scenario)) {
    const point = choicePoints[member]!
    if (findProvider(registry, point, name) !== undefined) continue
    const kind = point.id.split('/')[1]!
    const known = registry.all(point).map(({ provided }) => provided.name)
    const installed = known.length === 0 ? 'none is installed' : `installed: ${known.sort().join(', ')}`
    throw new ServesimError('SERVESIM_UNKNOWN_NAME', path, `There is no ${kind} "${name}"; ${installed}.`, installHint(name, known, [kind]))
  }
}

/** What to do about a name that nobody provides: a package of ours that does, a near match, or what such a package would be called. */
export function installHint(name: string, known: readonly string[], ofKinds: readonly string[]): string {
  const lower = name.toLowerCase()
  const ours = ofKinds.map((kind) => knownPackages[`${kind} ${lower}`]).find((found) => found !== undefined)
  if (ours !== undefined) return `Install it with \`npm install ${ours}\`.`
  const near = nearMatches(name, known)
  if (near.length > 0) return `Did you mean ${near.map((one) => `"${one}"`).join(' or ')}?`
  const [first, ...others] = longNames(lower, ofKinds.slice(0, 1)).map((one) => `\`npm install ${one}\``)
  return `Install the package that provides it: ${[first, ...others].join(' or ')}, if there is one, or whatever its author calls it.`
}

interface Choice {
  member: string
  name: string
  path: string
}

/** Names that a scenario chooses, except at places that are no names at all, which the schema refuses. */
function choicesOf(scenario: unknown): Choice[] {
  if (!isObject(scenario)) return []
  const pools: unknown[] = Array.isArray(scenario.pools) ? scenario.pools : []
  return [...choicesIn(scenario, clusterMembers, ''), ...pools.flatMap((pool, i) => choicesIn(pool, poolMembers, `pools[${i}].`))]
}

function choicesIn(value: unknown, members: readonly string[], prefix: string): Choice[] {
  if (!isObject(value)) return []
  return members.flatMap((member) => {
    const at = `${prefix}${member}`
    const chosen = value[member]
    if (!listMembers.includes(member)) return choiceAt(chosen, member, at)
    return Array.isArray(chosen) ? chosen.flatMap((entry: unknown, i) => choiceAt(entry, member, `${at}[${i}]`)) : []
  })
}

/** A choice, and the eviction policy that a technique chooses in its turn. */
function choiceAt(chosen: unknown, member: string, path: string): Choice[] {
  if (typeof chosen === 'string' && member === 'device') return [{ member, name: chosen, path }]
  if (!isObject(chosen) || typeof chosen.use !== 'string') return []
  return [{ member, name: chosen.use, path: `${path}.use` }, ...choicesIn(chosen, ['eviction'], `${path}.`)]
}
