import type { SiliconRow } from './silicon-csv.js'

/** Tokens, drawn evenly between the two, both possible. */
interface Lengths {
  uniform: [number, number]
}

/** How the benchmark behind a row asked, and how its engine was set. */
export interface Protocol {
  /** Whose benchmark: its rows are reported apart. */
  group: 'InferenceX' | 'other'
  promptTokens: Lengths
  outputTokens: Lengths
  requests: number
  /** vLLM forms steps ahead by default from 0.14; some recipes switch it on before. */
  asyncScheduling: boolean
  /** Its recipes on Blackwell keep KV in fp8. */
  kvCacheDtype: 'auto' | 'fp8'
  gpuMemoryUtilization: number
}

const requestsPerUser = 10
/** Without any spread users would stay in step for ever, which the measured times to a first token rule out. */
const unpublishedSpread = 0.1

/**
 * InferenceX draws both lengths uniformly from 0.8 of the nominal one up and sends ten requests for each user, all first ones at once
 * (its `benchmark_serving.py`: `--random-range-ratio 0.8`, `--num-prompts 10 × concurrency`, request rate infinite). Its recipes set 0.9 to 0.95 of the
 * memory, and on Blackwell fp8 KV: published for Llama, and the measured queues of the other models rule 16-bit KV out. The protocol of other rows
 * is not published: lengths around the nominal ones, vLLM's defaults.
 */
export function protocolOf(row: SiliconRow, concurrency: number): Protocol {
  const inferenceX = /source_file=20\d\d-\d\d-\d\d\.csv|db-dump\//.test(row.source)
  const [least, most] = inferenceX ? [0.8, 1] : [1 - unpublishedSpread, 1 + unpublishedSpread]
  const length = (tokens: number): Lengths => ({ uniform: [Math.max(1, Math.round(least! * tokens)), Math.round(most! * tokens)] })
  return {
    group: inferenceX ? 'InferenceX' : 'other',
    promptTokens: length(row.inputTokens),
    outputTokens: length(row.outputTokens),
    requests: requestsPerUser * concurrency,
    asyncScheduling: formsAhead(row, inferenceX),
    kvCacheDtype: inferenceX && /^g?b\d/.test(row.system) ? 'fp8' : 'auto',
    gpuMemoryUtilization: inferenceX ? 0.95 : 0.9,
  }
}

function formsAhead({ version, model }: SiliconRow, inferenceX: boolean): boolean {
  const release = /^v?(\d+)\.(\d+)/.exec(version)
  if (release !== null) return Number(release[1]) > 0 || Number(release[2]) >= 14
  // Untagged images: nightlies are newer than that; the recipes of October 2025 for Llama switch it on.
  return version.startsWith('nightly') || (inferenceX && /llama/i.test(model))
}

/** vLLM 0.14, of January 2026, is the first release of that year: an untagged image measured before is older. */
const lastOf2025 = '0.13.0'

/** The release that a row's image names, or that its date allows. */
export function releaseOf({ version, source }: SiliconRow): string | undefined {
  const tag = /^v?(\d+\.\d+(?:\.\d+)?)/.exec(version)?.[1]
  return tag ?? (/measured=2025-/.test(source) ? lastOf2025 : undefined)
}
