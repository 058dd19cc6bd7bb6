import { ServesimError } from '@servesim/core'
import { parse } from 'yaml'
import { z } from 'zod'
import { readIfPresent } from './files.js'

const count = z.number().int().positive()

/** What is used of `meta.yaml`; everything else is passed over, and nothing is required, since releases of the profiler differ. */
const profileMeta = z.object({
  profiler_version: z.coerce.string().default('unknown'),
  vllm_version: z.coerce.string().default('unknown'),
  cuda_version: z.coerce.string().optional(),
  gpu: z.string().optional(),
  hardware: z.string().optional(),
  profiled_at: z.coerce.string().optional(),
  model: z.string().optional(),
  engine_effective: z
    .object({
      enforce_eager: z.boolean().default(true),
      max_num_batched_tokens: count.optional(),
      max_num_seqs: count.optional(),
      block_size: count.optional(),
    })
    .default({ enforce_eager: true }),
  /** The profiler's own default. */
  measurement_iterations: count.default(3),
  skew_fit: z.object({ enabled: z.boolean().default(false) }).default({ enabled: false }),
})

export type ProfileMeta = z.output<typeof profileMeta>

/** @throws ServesimError SERVESIM_BAD_BUNDLE where the file is no YAML mapping or a key has the wrong type */
export function readMeta(path: string): ProfileMeta {
  let content: unknown
  try {
    content = parse(readIfPresent(path) ?? '', { logLevel: 'error' })
  } catch (error) {
    throw new ServesimError('SERVESIM_BAD_BUNDLE', path, `The file is no valid YAML: ${(error as Error).message}`, 'Copy it again.')
  }
  const parsed = profileMeta.safeParse(content)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new ServesimError(
    'SERVESIM_BAD_BUNDLE',
    [path, ...issue.path].join('.'),
    `${issue.message}.`,
    'The file is cut off or from another tool: copy it again.',
  )
}
