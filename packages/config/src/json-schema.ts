import { type Point, type Registry, scenarioSchema } from '@servesim/core'
import { z } from 'zod'
import { choicePoints, type NamedProvider } from './choices.js'

type JsonSchema = Record<string, unknown>

/**
 * JSON Schema of scenario files, for completion and checks in editors: what core reads, with the options of every provider in the
 * registry. Nothing is required, since defaults complete a file.
 */
export function scenarioJsonSchema(registry: Registry): JsonSchema {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const { properties } = schema as { properties: Record<string, JsonSchema> }
  const pool = (properties.pools as { items: { properties: Record<string, JsonSchema>; required?: unknown } }).items
  for (const members of [properties, pool.properties]) {
    for (const [member, point] of Object.entries(choicePoints)) {
      const own = members[member]
      if (own === undefined) continue
      const choices = { ...description(own), anyOf: choicesAt(registry, point, member === 'device' ? [{ type: 'string' }] : []) }
      members[member] = member === 'techniques' ? { ...description(own), type: 'array', items: choices } : choices
    }
  }
  properties.plugins = {
    type: 'array',
    items: { type: 'string' },
    description: 'Plugin packages among the direct dependencies of the project',
  }
  delete schema.required
  delete pool.required
  return { ...schema, title: 'servesim scenario' }
}

function description(schema: JsonSchema): JsonSchema {
  return typeof schema.description === 'string' ? { description: schema.description } : {}
}

function choicesAt(registry: Registry, point: Point<NamedProvider>, others: JsonSchema[]): JsonSchema[] {
  const providers = registry.all(point).map((entry) => entry.provided)
  return [
    ...others,
    ...providers.map((provider) => {
      const options = z.toJSONSchema(provider.options, { io: 'input', unrepresentable: 'any' }) as JsonSchema & { properties?: JsonSchema }
      const use = { enum: [provider.name, ...(provider.aliases ?? [])], description: provider.description }
      const { $schema: _, ...rest } = options
      return { ...rest, properties: { use, ...options.properties, ...fileMembers(provider) }, required: ['use'] }
    }),
  ]
}

/** What stands in a file for an option that no file can hold. */
function fileMembers(provider: NamedProvider): JsonSchema {
  const { shape } = provider.options
  if ('trace' in shape)
    return {
      file: { type: 'string', description: 'Path of a trace file' },
      ratePerSecond: { type: 'number', description: 'Mean rate of arrivals, instead of the recorded one' },
    }
  if ('bundle' in shape) return { bundle: { type: 'string', description: 'Path of an operator-latency bundle' } }
  return {}
}
