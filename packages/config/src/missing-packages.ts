import { nearMatches, type Registry, ServesimError } from '@servesim/core'
import { choicePoints, clusterMembers, findProvider, poolMembers } from './choices.js'
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
  const pools = Array.isArray(scenario.pools) ? scenario.pools : []
  return [...choicesIn(scenario, clusterMembers, ''), ...pools.flatMap((pool, i) => choicesInPool(pool, `pools[${i}].`))]
}

function choicesInPool(pool: unknown, prefix: string): Choice[] {
  if (!isObject(pool)) return []
  const techniques = Array.isArray(pool.techniques) ? pool.techniques : []
  const inner = techniques.flatMap((technique: unknown, i) => {
    const at = `${prefix}techniques[${i}]`
    return [
      ...choicesIn({ techniques: technique }, ['techniques'], '').map((choice) => ({ ...choice, path: `${at}.use` })),
      ...choicesIn(technique, ['eviction'], `${at}.`),
    ]
  })
  return [...choicesIn(pool, poolMembers, prefix), ...inner]
}

function choicesIn(value: unknown, members: readonly string[], prefix: string): Choice[] {
  if (!isObject(value)) return []
  return members.flatMap((member) => {
    const choice = value[member]
    if (typeof choice === 'string' && member === 'device') return [{ member, name: choice, path: `${prefix}${member}` }]
    return isObject(choice) && typeof choice.use === 'string' ? [{ member, name: choice.use, path: `${prefix}${member}.use` }] : []
  })
}
