import { z } from 'zod'
import { nearMatches, ServesimError } from './errors.js'
import type { OptionsSchema } from './points/provider.js'

/** A choice of a provider by name, with the options that its own schema checks. */
const choice = z.looseObject({ use: z.string().min(1).describe('Name of the provider') })
export type Choice = z.output<typeof choice>

const positiveInteger = z.number().int().min(1).max(1e9)

const poolSchema = z.strictObject({
  name: z.string().min(1).optional().describe('Name in summaries and results'),
  count: z.number().int().min(1).max(100_000).default(1).describe('Replicas'),
  model: z.union([z.string().min(1), z.record(z.string(), z.unknown())]).describe('Hugging Face id, or the content of a config.json'),
  device: z.union([z.string().min(1), choice]).describe('Accelerator'),
  parallelism: z
    .strictObject({
      tensor: z.number().int().min(1).max(1024).default(1).describe('Tensor-parallel ranks of a replica'),
      pipeline: z.number().int().min(1).max(1024).default(1).describe('Pipeline stages of a replica'),
      expert: z.number().int().min(1).max(1024).default(1).describe('Ranks that the experts of an MoE layer are divided over'),
    })
    .prefault({}),
  scheduler: choice.describe('Forms the steps'),
  network: choice.optional().describe('Prices collectives and transfers; needed where a replica has several ranks'),
  techniques: z.array(choice).default([]).describe('Serving techniques that are switched on'),
  maxModelLenTokens: positiveInteger.optional().describe('Longest sequence; the model’s own limit where absent'),
  kvCacheDtype: z.enum(['auto', 'fp8']).default('auto').describe('Element type of the KV cache; auto: as the weights'),
  memory: z
    .strictObject({
      gpuMemoryUtilization: z.number().gt(0).max(1).optional().describe('Share of device memory that the engine takes; absent: the mimicked engine’s default'),
      numGpuBlocksOverride: positiveInteger.optional().describe('KV blocks, instead of what memory allows'),
      contextBytes: z
        .number()
        .min(0)
        .max(1e12)
        .default(0.75 * 2 ** 30)
        .describe('Device context, libraries and workspaces per rank'),
    })
    .prefault({}),
})

/** A simulation, described. Everything that can be wrong in it is found at build. */
export const scenarioSchema = z.strictObject({
  $schema: z.string().optional(),
  schemaVersion: z.literal(1).default(1),
  name: z.string().optional(),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('Seed of every random stream'),
  workload: choice,
  router: choice.optional().describe('Picks the replica of a request; needed where there are several'),
  pools: z.array(poolSchema).min(1).max(1000),
  latencyFrom: z.enum(['arrival', 'queued']).default('arrival').describe('Instant from which TTFT and latency count: arrival at the door, or when the engine took the request in'),
  results: z
    .strictObject({
      keepRequests: z.number().int().min(0).max(1e8).default(1_000_000).describe('Rows kept for exact percentiles; beyond, sketches within ±0.05 %'),
    })
    .prefault({}),
})

export type Scenario = z.output<typeof scenarioSchema>
export type ScenarioInput = z.input<typeof scenarioSchema>
export type PoolScenario = Scenario['pools'][number]

/** @throws ServesimError SERVESIM_BAD_OPTION at the first thing that is wrong */
export function parseScenario(input: unknown): Scenario {
  return parseWith(scenarioSchema, input, '')
}

/** Checks a choice's options with the provider's schema. */
export function parseOptions<Schema extends OptionsSchema>(schema: Schema, options: Record<string, unknown>, path: string): z.output<Schema> {
  const { use: _, ...own } = options
  return parseWith(schema, own, path)
}

function parseWith<Schema extends z.ZodType>(schema: Schema, input: unknown, path: string): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const where = joinPath(path, issue.path)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const near = nearMatches(key, keysAt(schema, issue.path))
    const known = keysAt(schema, issue.path)
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      joinPath(where, [key]),
      `There is no option "${key}" here; known: ${known.length === 0 ? 'none' : known.join(', ')}.`,
      near.length > 0 ? `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?` : 'Leave it out.',
    )
  }
  throw new ServesimError('SERVESIM_BAD_OPTION', where, `${issue.message}; got ${show(valueAt(input, issue.path))}.`, 'Correct the value or leave the option out.')
}

export function joinPath(base: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`), base)
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const key of path) at = typeof key === 'number' ? unwrap(at, 'element') : (unwrap(at, 'shape') as Record<PropertyKey, unknown> | undefined)?.[key]
  return Object.keys((unwrap(at, 'shape') as object | undefined) ?? {})
}

/** The property of a schema, looked for behind defaults and optionals. */
function unwrap(schema: unknown, property: 'shape' | 'element'): unknown {
  let at = schema as { [key: string]: unknown; def?: { innerType?: unknown } } | undefined
  while (at !== undefined && at[property] === undefined) at = at.def?.innerType as typeof at
  return at?.[property]
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
