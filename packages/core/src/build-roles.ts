import { type Choice, parseOptions, type Scenario } from './config.js'
import type { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import type { Role } from './gateway.js'
import type { Registry } from './plugin.js'
import { clusterTechnique } from './points/cluster-technique.js'
import { type JourneyFactory, journey } from './points/journey.js'
import type { Point } from './points/point.js'
import { type Router, router } from './points/router.js'
import type { InheritedClaim } from './pool-claims.js'
import type { RandomSource } from './random.js'
import type { Replicas } from './replicas.js'

/** What the scenario's own techniques claim. */
export interface ClusterClaims {
  journey: JourneyFactory | undefined
  /** For the pools of a role. */
  inherited: ReadonlyMap<string, InheritedClaim[]>
  assumptions: string[]
}

/** Builds the techniques that take several pools, and checks that every role has pools and every pool a role. */
export function buildClusterTechniques(scenario: Scenario, registry: Registry, engine: Engine): ClusterClaims {
  const inherited = new Map<string, InheritedClaim[]>()
  const assumptions: string[] = []
  let claimed: { factory: JourneyFactory; owner: string; path: string } | undefined
  for (const [i, choice] of scenario.techniques.entries()) {
    const path = `techniques[${i}]`
    const provider = registry.named(clusterTechnique, choice.use, `${path}.use`)
    const owner = provider.name
    provider.build(parseOptions(provider.options, choice, path), {
      path,
      engine,
      claim<Provided>(point: Point<Provided>, contribution: Provided) {
        if (point.id !== journey.id || claimed !== undefined) {
          const message =
            point.id !== journey.id
              ? `"${owner}" claims ${point.id}, which a technique of the cluster cannot claim.`
              : `"${owner}" and "${claimed!.owner}" both want to own ${point.id}.`
          throw new ServesimError('SERVESIM_PLUGIN_CONFLICT', path, message, 'Switch one of them off.')
        }
        claimed = { factory: contribution as JourneyFactory, owner, path }
      },
      claimIn(role, point, contribution) {
        const list = inherited.get(role) ?? []
        inherited.set(role, list)
        list.push({ owner, path, point: point as Point<unknown>, contribution })
      },
      assume: (sentence) => void assumptions.push(sentence),
    })
  }
  checkRoles(scenario, claimed)
  return { journey: claimed?.factory, inherited, assumptions }
}

function checkRoles({ pools }: Scenario, claimed: { factory: JourneyFactory; owner: string; path: string } | undefined): void {
  const roles = claimed?.factory.roles ?? []
  for (const [i, { role }] of pools.entries()) {
    if (claimed === undefined ? role === undefined : role !== undefined && roles.includes(role)) continue
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      `pools.${i}.role`,
      claimed === undefined
        ? `The pool has the role "${role}", and no technique of the cluster sends requests through roles.`
        : `${role === undefined ? 'The pool has no role' : `The pool has the role "${role}"`}; "${claimed.owner}" knows ${quoted(roles)}.`,
      claimed === undefined
        ? 'Add such a technique to `techniques` of the scenario, or leave the role out.'
        : `Give it one of ${quoted(roles)}.`,
    )
  }
  const missing = roles.filter((role) => !pools.some((pool) => pool.role === role))
  if (missing.length === 0) return
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    'pools',
    `"${claimed!.owner}" needs pools of the roles ${quoted(roles)}, and none has ${quoted(missing)}.`,
    'Add a pool with that `role`.',
  )
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}

/** The replicas of each role, and the router that chooses among them. */
export function buildRoles(
  scenario: Scenario,
  { journey: claimed }: ClusterClaims,
  { units, poolOf }: Replicas,
  registry: Registry,
  random: RandomSource,
): Role[] {
  const names = claimed?.roles ?? ['']
  for (const role of Object.keys(scenario.roleRouters)) {
    if (names.includes(role)) continue
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      `roleRouters.${role}`,
      `No pool has the role "${role}".`,
      claimed === undefined ? 'Set `router` instead.' : `Roles are ${quoted(names)}.`,
    )
  }
  return names.map((name) => {
    const members = units.filter((_, i) => name === '' || poolOf[i]!.role === name)
    const pools = members.map((unit) => poolOf[unit.index]!)
    const own = scenario.roleRouters[name]
    const path = own === undefined ? 'router' : `roleRouters.${name}`
    const purpose = name === '' ? 'router' : `router/${name}`
    const chosen = buildRouter(own ?? scenario.router, path, members.length, registry, () => random.stream(purpose))
    return { name, units: members, pools, router: chosen }
  })
}

function buildRouter(
  choice: Choice | undefined,
  path: string,
  replicaCount: number,
  registry: Registry,
  stream: () => ReturnType<RandomSource['stream']>,
): Router | undefined {
  if (choice === undefined) {
    if (replicaCount === 1) return undefined
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      path,
      `${replicaCount} replicas share the arrivals, and the scenario names no router.`,
      'Add a router, such as { use: … } with one that `servesim plugins` lists.',
    )
  }
  const provider = registry.named(router, choice.use, `${path}.use`)
  return provider.build(parseOptions(provider.options, choice, path), { replicaCount, random: stream() })
}
