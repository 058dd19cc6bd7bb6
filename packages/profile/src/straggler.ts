import type { DeviceSpec, StragglerFacts } from '@servesim/core'
import type { AttentionSamples, Bundle } from './bundle.js'

/** Below this context the fixed cost of a launch bends the line. */
const shortestContextTokens = 512

/**
 * What a straggler model needs, or undefined where the bundle switches the correction off or the chip's multiprocessors are unknown.
 *
 * The time of one thread block per token of context is read off the table itself: the smallest prefill chunk alone is one tile of query
 * rows, so one block per head walks the whole context, far fewer blocks than multiprocessors and no shortage of bandwidth; the slope of
 * its latency over context is the speed limit of a block. On the RTX PRO 6000 this gives 21–22 ns at both degrees of two models, inside
 * the range (20–22 ns) that best explains the unequal batches which LLMServingSim's profiler timed (`skew.csv`).
 *
 * The time of one token when bandwidth is shared comes from the decode-only row that moves most data.
 */
export function stragglerFacts(bundle: Bundle, spec: DeviceSpec, tensorParallel: number): StragglerFacts | undefined {
  const { straggler } = bundle.manifest
  if (!straggler.enabled || spec.streamingMultiprocessors === undefined) return undefined
  const { attention } = bundle.shards.find((shard) => shard.tensorParallel === tensorParallel) ?? bundle.shards[0]!
  const measured = timesOf(attention)
  const blockNsPerContextToken = straggler.blockNsPerContextToken ?? measured.blockNs
  const sharedNsPerContextToken = measured.sharedNs
  if (blockNsPerContextToken === undefined || sharedNsPerContextToken === undefined) return undefined
  return {
    streamingMultiprocessors: spec.streamingMultiprocessors,
    blockNsPerContextToken,
    sharedNsPerContextToken,
    source:
      straggler.blockNsPerContextToken === undefined
        ? 'slope of the smallest prefill chunk over context, from the attention table'
        : 'bundle.json',
  }
}

interface Times {
  blockNs: number | undefined
  sharedNs: number | undefined
}

/** Read once per table: a bundle does not change, and serves many simulations. */
const known = new WeakMap<AttentionSamples, Times>()

function timesOf(attention: AttentionSamples): Times {
  const times = known.get(attention) ?? { blockNs: blockSlopeNs(attention), sharedNs: sharedNs(attention) }
  known.set(attention, times)
  return times
}

/** @returns undefined where the smallest chunk was measured at fewer than two long contexts, or does not grow with them */
function blockSlopeNs({ newTokens, context, decodes, latencyUs }: AttentionSamples): number | undefined {
  let smallest = Number.POSITIVE_INFINITY
  for (let i = 0; i < latencyUs.length; i++) if (newTokens[i]! > 0 && decodes[i] === 0) smallest = Math.min(smallest, newTokens[i]!)
  const rows: number[] = []
  for (let i = 0; i < latencyUs.length; i++)
    if (newTokens[i] === smallest && decodes[i] === 0 && context[i]! >= shortestContextTokens) rows.push(i)
  rows.sort((a, b) => context[a]! - context[b]!)
  const [low, high] = [rows[0], rows.at(-1)]
  if (low === undefined || high === undefined || low === high) return undefined
  const slope = ((latencyUs[high]! - latencyUs[low]!) * 1000) / (context[high]! - context[low]!)
  return slope > 0 ? slope : undefined
}

/** ns per token of context of one sequence where the table moves most KV; undefined without decode-only rows. */
function sharedNs({ newTokens, decodes, decodeContext, latencyUs }: AttentionSamples): number | undefined {
  let most = 0
  let ns: number | undefined
  for (let i = 0; i < latencyUs.length; i++) {
    const tokens = decodes[i]! * decodeContext[i]!
    if (newTokens[i] !== 0 || tokens <= most) continue
    most = tokens
    ns = (latencyUs[i]! * 1000) / tokens
  }
  return ns
}
