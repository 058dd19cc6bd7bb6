import { ServesimError } from '@servesim/core'
import { z } from 'zod'

/** The version this code reads and writes. */
export const bundleSchemaVersion = 1

const count = z.number().int().positive()

const figure = z.number().positive().max(1e30)

/** Published figures of the device, as `DeviceSpec` of core has them: with them a bundle needs no plugin for its chip. */
const chip = z.object({
  vendor: z.string().min(1),
  memoryBytes: figure,
  memoryBytesPerSecond: figure,
  /** Dense, 16-bit inputs, 32-bit accumulation. */
  bf16FlopPerSecond: figure,
  fp8FlopPerSecond: figure.optional(),
  streamingMultiprocessors: count.optional(),
  l2Bytes: figure.optional(),
  /** One direction, between accelerators of a node. */
  linkBytesPerSecond: figure.optional(),
  linkKind: z.enum(['nvlink', 'pcie', 'ici', 'other']).optional(),
  thermalDesignPowerWatts: figure.optional(),
  /** Where the figures were read. */
  source: z.string().min(1),
})

/** `bundle.json`: what was measured, how, and under which software. `docs/bundle-format.md` tells it in prose. */
export const bundleManifest = z.object({
  schemaVersion: z.literal(bundleSchemaVersion),
  /** Id or vendor spelling of the device, such as `rtx-pro-6000`. */
  device: z.string().min(1),
  /** The device's full name as its driver reports it. */
  deviceName: z.string().min(1).optional(),
  chip: chip.optional(),
  /** Hugging Face id. */
  model: z.string().min(1),
  /** Weights and activations: `bf16`, `fp8` … */
  dtype: z.string().min(1),
  /** `auto`: as the weights. */
  kvCacheDtype: z.string().min(1).default('auto'),
  tensorParallel: z.array(count).nonempty(),
  engine: z.object({ name: z.string().min(1), release: z.string().min(1) }),
  /** Versions of what lies below the engine: `cuda`, `driver` … */
  software: z.record(z.string(), z.string()).default({}),
  /** ISO 8601. */
  measuredAt: z.string().optional(),
  profiler: z.object({ name: z.string().min(1), release: z.string().min(1) }),
  /** Timed runs behind each latency, at least; it is their mean or median. */
  measurementIterations: count,
  units: z.object({ latency: z.literal('us') }),
  /** Launched kernel by kernel (`eager`) or replayed from CUDA graphs (`graph`). */
  launch: z.enum(['eager', 'graph']),
  /** Limits and block size of the engine that measured. */
  maxBatchedTokens: count.optional(),
  maxSequences: count.optional(),
  blockSizeTokens: count.optional(),
  straggler: z
    .object({
      /** Whether unequal contexts slow decode attention down on this device. */
      enabled: z.boolean(),
      /** Overrides what is read off the attention table, ns. */
      blockNsPerContextToken: z.number().positive().max(1e6).optional(),
    })
    .default({ enabled: false }),
  /** Rows that a matrix product works off together; absent: 16, as tensor cores do. 0: time follows the rows. */
  gemmTileRows: z.number().int().nonnegative().max(4096).optional(),
  /** Kernels launched one by one take the host this long for a whole mixed step. */
  mixedStepHostMs: z.number().nonnegative().max(1e4).optional(),
  /** Engine release of `collectives.csv`, where it is another than the tables'. */
  collectivesRelease: z.string().min(1).optional(),
  /** Ranks that the experts of the tables are spread over, where they were measured as a rank holds them. */
  expertParallel: count.optional(),
  /** Prefill and decodes of a step run in one attention kernel, or in one after the other. Matters where a table has them apart. */
  attentionKernels: z.enum(['one', 'two']).optional(),
  /** Operators whose latencies were derived rather than measured at their own shape, and what they rest on. */
  derived: z.record(z.string(), z.enum(['interpolated', 'extrapolated', 'analytic'])).optional(),
  /** `config.json` of a model that no catalogue has, so that the bundle can be served without it. */
  modelConfig: z.record(z.string(), z.unknown()).optional(),
  /** Data rows of each file, by path: a file that lost some is noticed. */
  tables: z.record(z.string(), z.object({ rows: count })),
  notes: z.array(z.string()).default([]),
})

/** As in memory: the row counts of the files are checked and dropped at reading, and made again at writing. */
export type BundleManifest = Omit<z.output<typeof bundleManifest>, 'tables'>

/** A tensor-core instruction multiplies tiles of 16 rows, so that no GEMM distinguishes fewer. */
export function gemmTileRows(manifest: Pick<BundleManifest, 'gemmTileRows'>): number {
  return manifest.gemmTileRows ?? 16
}

/**
 * @param path where the content was read, for errors
 * @throws ServesimError SERVESIM_BAD_BUNDLE
 */
export function parseManifest(content: unknown, path: string): z.output<typeof bundleManifest> {
  const version = (content as { schemaVersion?: unknown } | null)?.schemaVersion
  if (typeof version === 'number' && version > bundleSchemaVersion)
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      `${path}.schemaVersion`,
      `The bundle has format version ${version}; this release of servesim reads up to ${bundleSchemaVersion}.`,
      'Update servesim, or write the bundle again with the release you have.',
    )
  const parsed = bundleManifest.safeParse(content)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const where = [path, ...issue.path].join('.')
  throw new ServesimError('SERVESIM_BAD_BUNDLE', where, `${issue.message}.`, 'docs/bundle-format.md lists the fields of bundle.json.')
}
