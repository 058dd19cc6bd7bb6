import type { Registry } from '@servesim/core'
import { assign } from './assignments.js'
import { isObject, parsePath } from './path.js'
import { forEachPool, withoutTechnique } from './use.js'

/** A flag of `vllm serve`, under its own name, and what it means to every pool of a scenario. */
export interface VllmFlag {
  /** Without dashes, such as `max-num-seqs`. */
  readonly name: string
  readonly description: string
  /** `value`: takes one · `switch`: `--name` and `--no-name` · `on`: `--name` alone. */
  readonly kind: 'value' | 'switch' | 'on'
  /** Changes a scenario. @param value the text of a value; for the others whether it was switched on */
  apply(scenario: unknown, value: string | boolean, registry: Registry): unknown
}

/** Sets a member of every pool. */
function member(path: string): VllmFlag['apply'] {
  return (scenario, value, registry) => {
    const pools = isObject(scenario) && Array.isArray(scenario.pools) ? scenario.pools.length : 0
    let changed = scenario
    for (let i = 0; i < pools; i++) changed = assign(changed, { keys: ['pools', i, ...parsePath(path)], text: String(value) }, registry)
    return changed
  }
}

const prefixCaching: VllmFlag['apply'] = (scenario, on) =>
  on
    ? forEachPool(scenario, (pool) => {
        const techniques: unknown[] = Array.isArray(pool.techniques) ? pool.techniques : []
        const known = techniques.some((entry) => isObject(entry) && entry.use === 'prefix-caching')
        return known ? pool : { ...pool, techniques: [{ use: 'prefix-caching' }, ...techniques] }
      })
    : withoutTechnique(scenario, 'prefix-caching')

/** Names and meanings: vLLM's engine arguments (vllm/engine/arg_utils.py, releases 0.19 to 0.28). */
export const vllmFlags: readonly VllmFlag[] = [
  { name: 'tensor-parallel-size', kind: 'value', description: 'tensor-parallel ranks of a replica', apply: member('parallelism.tensor') },
  { name: 'pipeline-parallel-size', kind: 'value', description: 'pipeline stages of a replica', apply: member('parallelism.pipeline') },
  { name: 'max-model-len', kind: 'value', description: 'longest sequence, tokens', apply: member('maxModelLenTokens') },
  { name: 'max-num-seqs', kind: 'value', description: 'sequences in a step at most', apply: member('scheduler.maxNumSeqs') },
  {
    name: 'max-num-batched-tokens',
    kind: 'value',
    description: 'tokens in a step at most',
    apply: member('scheduler.maxNumBatchedTokens'),
  },
  {
    name: 'gpu-memory-utilization',
    kind: 'value',
    description: 'share of device memory the engine takes, 0–1',
    apply: member('memory.gpuMemoryUtilization'),
  },
  {
    name: 'num-gpu-blocks-override',
    kind: 'value',
    description: 'KV blocks, instead of what memory allows',
    apply: member('memory.numGpuBlocksOverride'),
  },
  { name: 'block-size', kind: 'value', description: 'tokens of a KV block', apply: member('scheduler.blockSizeTokens') },
  { name: 'kv-cache-dtype', kind: 'value', description: 'auto or fp8', apply: member('kvCacheDtype') },
  { name: 'scheduling-policy', kind: 'value', description: 'fcfs or priority', apply: member('scheduler.policy') },
  {
    name: 'long-prefill-token-threshold',
    kind: 'value',
    description: 'a longer prompt is computed in pieces of so many tokens; 0: no limit',
    apply: member('scheduler.longPrefillTokenThreshold'),
  },
  { name: 'enable-prefix-caching', kind: 'switch', description: 'share KV blocks of equal prefixes', apply: prefixCaching },
  {
    name: 'enable-chunked-prefill',
    kind: 'switch',
    description: 'cut prompts to what is left of the token budget',
    apply: member('scheduler.enableChunkedPrefill'),
  },
  {
    name: 'async-scheduling',
    kind: 'switch',
    description: 'form the next step while the current one runs',
    apply: member('scheduler.asyncScheduling'),
  },
  { name: 'enforce-eager', kind: 'on', description: 'no CUDA graphs', apply: (scenario) => withoutTechnique(scenario, 'cuda-graphs') },
]
