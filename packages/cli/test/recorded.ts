import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))

/** Recorded runs and profiles of LLMServingSim, which are not part of this repository. */
export const recorded = {
  profiles: join(data, 'llmservingsim/profiler/perf'),
  formats: join(data, 'formats'),
  denseRun: join(data, 'llmservingsim/bench/examples/RTXPRO6000/Llama-3.1-8B'),
  dataParallelRun: join(data, 'llmservingsim/bench/examples/RTXPRO6000/Qwen3-30B-A3B-Instruct-2507'),
}

export const isPresent = existsSync(recorded.denseRun)
if (!isPresent) console.warn(`Tests on recorded runs are skipped: ${data} is not there; SERVESIM_DATA names it.`)
