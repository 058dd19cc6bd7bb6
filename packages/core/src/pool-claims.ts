import { type PoolScenario, parseOptions } from './config.js'
import type { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import type { MemoryClaim } from './memory-plan.js'
import type { Registry } from './plugin.js'
import { type DecodeFactory, decode } from './points/decode.js'
import { eviction } from './points/eviction.js'
import { type ExpertLoad, expertLoad } from './points/expert-load.js'
import { type Group, group } from './points/group.js'
import { type KvIndexFactory, kvIndex } from './points/kv-index.js'
import { type KvTierFactory, kvTier } from './points/kv-tier.js'
import { type OperatorTransform, operatorTransform } from './points/operator-transform.js'
import type { Point } from './points/point.js'
import { type StepCostLink, stepCost } from './points/step-cost.js'
import { type TechniqueContext, type TechniquePool, technique } from './points/technique.js'
import { type Timeline, timeline } from './points/timeline.js'
import type { ClaimedLink } from './step-cost-chain.js'

/** What the techniques of a pool claim. */
export interface Claims {
  /** Techniques that own a `single` point, by the point. */
  owners: Map<string, string>
  decode: DecodeFactory | undefined
  index: KvIndexFactory | undefined
  tiers: KvTierFactory[]
  group: Group | undefined
  expertLoad: ExpertLoad | undefined
  links: ClaimedLink[]
  transforms: OperatorTransform[]
  timeline: Timeline | undefined
  memory: MemoryClaim[]
}

/** What a technique of the cluster claims in a pool of a role. */
export interface InheritedClaim {
  owner: string
  /** Of that technique, for errors. */
  path: string
  point: Point<unknown>
  contribution: unknown
}

interface ClaimsContext {
  path: string
  registry: Registry
  engine: Engine
  facts: TechniquePool
  /** Claims that come before those of the pool's own techniques. */
  inherited: readonly InheritedClaim[]
  /** Builds another device for the pool's model. @param path of the technique that asks */
  device(choice: Parameters<TechniqueContext['device']>[0], path: string): ReturnType<TechniqueContext['device']>
  assume(sentence: string): void
}

/** Builds the pool's techniques and gathers what they claim. @throws ServesimError where two want to own one point */
export function gatherClaims(pool: PoolScenario, { path, registry, engine, facts, inherited, device, assume }: ClaimsContext): Claims {
  const claims: Claims = {
    owners: new Map(),
    decode: undefined,
    index: undefined,
    tiers: [],
    group: undefined,
    expertLoad: undefined,
    links: [],
    transforms: [],
    timeline: undefined,
    memory: [],
  }
  for (const { owner, path: at, point, contribution } of inherited) book(claims, owner, at, point, contribution)
  const names = new Set<string>()
  for (const [i, choice] of pool.techniques.entries()) {
    const at = `${path}.techniques[${i}]`
    const provider = registry.named(technique, choice.use, `${at}.use`)
    if (names.has(provider.name)) {
      throw new ServesimError(
        'SERVESIM_PLUGIN_CONFLICT',
        at,
        `The technique "${provider.name}" is switched on twice.`,
        'Leave one of them out.',
      )
    }
    names.add(provider.name)
    provider.build(parseOptions(provider.options, choice, at), {
      path: at,
      engine,
      pool: facts,
      claim: (point, contribution) => book(claims, provider.name, at, point as Point<unknown>, contribution),
      device: (other) => device(other, at),
      memoryClaim: (memory) => void claims.memory.push(memory),
      eviction: (evictionChoice, context) => {
        const policy = registry.named(eviction, evictionChoice.use, `${at}.eviction.use`)
        return policy.build(parseOptions(policy.options, evictionChoice, `${at}.eviction`), context)
      },
      assume,
    })
  }
  return claims
}

function book(claims: Claims, claimant: string, path: string, point: Point<unknown>, contribution: unknown): void {
  if (point.cardinality === 'single') {
    const owner = claims.owners.get(point.id)
    if (owner !== undefined) {
      throw new ServesimError(
        'SERVESIM_PLUGIN_CONFLICT',
        path,
        `"${claimant}" and "${owner}" both want to own ${point.id}.`,
        'Switch one of them off.',
      )
    }
    claims.owners.set(point.id, claimant)
  }
  if (point.id === kvIndex.id) claims.index = contribution as KvIndexFactory
  else if (point.id === decode.id) claims.decode = contribution as DecodeFactory
  else if (point.id === kvTier.id) claims.tiers.push(contribution as KvTierFactory)
  else if (point.id === group.id) claims.group = contribution as Group
  else if (point.id === expertLoad.id) claims.expertLoad = contribution as ExpertLoad
  else if (point.id === operatorTransform.id) claims.transforms.push(contribution as OperatorTransform)
  else if (point.id === timeline.id) claims.timeline = contribution as Timeline
  else if (point.id === stepCost.id) claims.links.push({ link: contribution as StepCostLink, technique: claimant })
  else {
    throw new ServesimError(
      'SERVESIM_PLUGIN_CONFLICT',
      path,
      `"${claimant}" claims ${point.id}, which a technique cannot claim.`,
      'Ask the plugin’s author.',
    )
  }
}
