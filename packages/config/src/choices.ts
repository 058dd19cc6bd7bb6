import {
  admission,
  controller,
  device,
  eviction,
  fabric,
  network,
  type Point,
  type Registry,
  router,
  scenarioSchema,
  scheduler,
  technique,
  workload,
} from '@servesim/core'
import type { z } from 'zod'
import { isObject, type PathKey } from './path.js'

/** A provider as far as configuration needs to know it. */
export interface NamedProvider {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: string
  readonly options: z.ZodObject
}

/** Members of a scenario that choose a provider by `use`, and the point at which it lives. */
export const choicePoints: Readonly<Record<string, Point<NamedProvider>>> = {
  workload,
  router,
  fabric,
  admission,
  controllers: controller,
  device,
  scheduler,
  network,
  techniques: technique,
  eviction,
} as Record<string, Point<NamedProvider>>

/** Members at the top of a scenario and members of each of its pools. */
export const clusterMembers: readonly string[] = ['router', 'workload', 'fabric', 'admission', 'controllers']
export const poolMembers: readonly string[] = ['techniques', 'scheduler', 'network', 'device']

/** Those that are lists, each entry a choice. */
export const listMembers: readonly string[] = ['admission', 'controllers', 'techniques']

/** The provider of that name or alias, in any case; undefined where nobody provides it. */
export function findProvider(registry: Registry, point: Point<NamedProvider>, name: string): NamedProvider | undefined {
  const wanted = name.toLowerCase()
  return registry
    .all(point)
    .map((entry) => entry.provided)
    .find((provider) => [provider.name, ...(provider.aliases ?? [])].some((known) => known.toLowerCase() === wanted))
}

/**
 * The schema of the value at a path. Options of a choice are those of the provider that the scenario names there.
 * @returns undefined where the path leads nowhere that is known; what is set there is judged when the scenario is built
 */
export function schemaAt(keys: readonly PathKey[], scenario: unknown, registry: Registry): z.ZodType | undefined {
  let schema: unknown = scenarioSchema
  let value: unknown = scenario
  let member = ''
  for (const key of keys) {
    const options = typeof key === 'string' && key !== 'use' ? optionsOf(member, value, registry) : undefined
    schema = options?.shape[key] ?? step(schema, key)
    if (schema === undefined) return undefined
    value = (value as Record<PathKey, unknown> | null | undefined)?.[key]
    if (typeof key === 'string') member = key
  }
  return schema as z.ZodType
}

function optionsOf(member: string, value: unknown, registry: Registry): z.ZodObject | undefined {
  const point = Object.hasOwn(choicePoints, member) ? choicePoints[member] : undefined
  const name = isObject(value) ? value.use : value
  return point !== undefined && typeof name === 'string' ? findProvider(registry, point, name)?.options : undefined
}

interface Inner {
  shape?: Record<PathKey, unknown>
  element?: unknown
  options?: unknown[]
  def?: { innerType?: unknown; out?: unknown }
}

/** The schema of a member or entry, looked for behind defaults, optionals and unions. */
function step(schema: unknown, key: PathKey): unknown {
  const { shape, element, options, def } = (schema ?? {}) as Inner
  if (shape !== undefined) return Object.hasOwn(shape, key) ? shape[key] : undefined
  if (element !== undefined) return typeof key === 'number' ? element : undefined
  if (options !== undefined) return options.map((option) => step(option, key)).find((found) => found !== undefined)
  const inner = def?.innerType ?? def?.out
  return inner === undefined ? undefined : step(inner, key)
}
