import { z } from 'zod'
import { parseWith } from './option-errors.js'
import type { OptionsSchema } from './points/provider.js'

/** A choice of a provider by name, with the options that its own schema checks. */
const choice = z.looseObject({ use: z.string().min(1).describe('Name of the provider') })
export type Choice = z.output<typeof choice>

const deviceChoice = choice.extend({
  figures: z
    .record(z.string(), z.union([z.number(), z.string()]))
    .optional()
    .describe('Other figures of the chip: what if? Numbers, numbers with their unit (900GB/s), or factors (2x)'),
})
export type DeviceChoice = z.output<typeof deviceChoice>

const patience = z.number().gt(0).max(1e9).optional()
const positiveInteger = z.number().int().min(1).max(1e9)

/**
 * What a device loses beside weights, temporaries and KV. vLLM 0.19 finds 2588 blocks of Llama-3.1-8B on an RTX 4090 (24,564 MiB, 0.9 of
 * it, 256 sequences, 2048 tokens; LLMServingSim's recorded run): 0.705 GiB are left unexplained.
 */
const defaultContextBytes = 0.7 * 2 ** 30

const poolSchema = z.strictObject({
  name: z.string().min(1).optional().describe('Name in summaries and results'),
  role: z
    .string()
    .min(1)
    .optional()
    .describe('Which stage of requests it serves, where a technique of the cluster sends them through several'),
  count: z.number().int().min(1).max(100_000).default(1).describe('Replicas'),
  model: z.union([z.string().min(1), z.record(z.string(), z.unknown())]).describe('Hugging Face id, or the content of a config.json'),
  device: z.union([z.string().min(1), deviceChoice]).describe('Accelerator'),
  parallelism: z
    .strictObject({
      tensor: z.number().int().min(1).max(1024).default(1).describe('Tensor-parallel ranks of a replica'),
      pipeline: z.number().int().min(1).max(1024).default(1).describe('Pipeline stages of a replica'),
      expert: z.number().int().min(1).max(1024).default(1).describe('Ranks that the experts of an MoE layer are divided over'),
      pipelineLayers: z
        .array(z.number().int().min(1).max(100_000))
        .min(1)
        .max(1024)
        .optional()
        .describe('Layers of each stage, first to last; absent: equal shares, what is left over to those before the last'),
    })
    .prefault({}),
  scheduler: choice.describe('Forms the steps'),
  network: choice.optional().describe('Prices collectives; needed where a replica has several ranks and the scenario names no fabric'),
  devicesPerNode: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(8)
    .describe('Devices that the fast network of a node joins; a larger replica spans nodes'),
  hostsPerNode: z.number().int().min(1).max(10_000).default(1).describe('Hosts of a node, each with a memory of its own'),
  sharesNodes: z.boolean().default(true).describe('Fills nodes that the pool before has begun, where device and node are the same'),
  techniques: z.array(choice).default([]).describe('Serving techniques that are switched on'),
  maxModelLenTokens: positiveInteger.optional().describe('Longest sequence; the model’s own limit where absent'),
  kvCacheDtype: z.enum(['auto', 'fp8']).default('auto').describe('Element type of the KV cache; auto: as the weights'),
  memory: z
    .strictObject({
      gpuMemoryUtilization: z
        .number()
        .gt(0)
        .max(1)
        .optional()
        .describe('Share of device memory that the engine takes; absent: the mimicked engine’s default'),
      numGpuBlocksOverride: positiveInteger.optional().describe('KV blocks, instead of what memory allows'),
      contextBytes: z.number().min(0).max(1e12).default(defaultContextBytes).describe('Device context, libraries and workspaces per rank'),
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
  admission: z.array(choice).default([]).describe('Decide who is let in, in this order'),
  router: choice.optional().describe('Picks the replica of a request; needed where there are several'),
  fabric: choice
    .optional()
    .describe(
      'Links between devices, hosts and nodes, which transfers share; absent: the one that is installed, by the devices’ own links',
    ),
  roleRouters: z
    .record(z.string(), choice)
    .default({})
    .describe('Routers of single roles, by role; the others have one like `router` each'),
  techniques: z.array(choice).default([]).describe('Techniques that take several pools'),
  controllers: z.array(choice).default([]).describe('Act on the cluster while it runs'),
  client: z
    .strictObject({
      firstTokenTimeoutS: patience.describe('Seconds that a client waits for the first token before it goes away; for ever where absent'),
      timeoutS: patience.describe('Seconds that it waits for the last token'),
    })
    .prefault({}),
  lostRequests: z
    .enum(['migrate', 'fail'])
    .default('migrate')
    .describe('When a replica dies, its requests go on elsewhere with the tokens they have got, or fail'),
  pools: z.array(poolSchema).min(1).max(1000),
  latencyFrom: z
    .enum(['arrival', 'queued'])
    .default('arrival')
    .describe('Instant from which TTFT and latency count: arrival at the door, or when the engine took the request in'),
  results: z
    .strictObject({
      keepRequests: z
        .number()
        .int()
        .min(0)
        .max(1e8)
        .default(1_000_000)
        .describe('Rows kept for exact percentiles; beyond, sketches within ±0.05 %'),
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
export function parseOptions<Schema extends OptionsSchema>(
  schema: Schema,
  options: Record<string, unknown>,
  path: string,
): z.output<Schema> {
  const { use: _, ...own } = options
  return parseWith(schema, own, path)
}
