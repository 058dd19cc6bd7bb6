import type { PresetName } from './presets.js'

export const methodNames = ['ngram', 'draft-model', 'eagle', 'eagle3', 'mtp'] as const
export type MethodName = (typeof methodNames)[number]

/** What engines fix for each way of drafting. */
export interface Method {
  /** KV slots ahead, per draft: where the drafter has KV of its own. */
  lookaheadPerDraft: 0 | 1
  /** Budget that each sequence takes beyond its scheduled tokens, and by which the drafter's first pass is longer. */
  budgetSlots: 0 | 1
  /** The drafter reads hidden states of the target: a prefix hit lacks them, so its last block is computed again. */
  readsHiddenStates: boolean
  /** First release of vLLM that forms steps ahead with it; none: Infinity. */
  aheadSince: number
  /** Widths of hidden states that are projected to one before the head's layer, and those that its query, key and value take in. */
  fusedWidths: number
  layerWidths: number
  /** Whether the head is a layer like the target's own, experts included. */
  layerOfTarget: boolean
  /** Acceptance where the scenario says nothing. */
  preset: PresetName
}

const head = { lookaheadPerDraft: 1, budgetSlots: 0, readsHiddenStates: true, aheadSince: 0.14 } as const

/** Sources: vLLM's v1/spec_decode, config/speculative.py and core/sched/scheduler.py; modules llama_eagle.py, llama_eagle3.py, deepseek_mtp.py. */
export const methods: Record<MethodName, Method> = {
  ngram: {
    lookaheadPerDraft: 0,
    budgetSlots: 0,
    readsHiddenStates: false,
    aheadSince: Number.POSITIVE_INFINITY,
    fusedWidths: 0,
    layerWidths: 1,
    layerOfTarget: true,
    preset: 'ngram-mt-bench',
  },
  'draft-model': {
    lookaheadPerDraft: 1,
    budgetSlots: 1,
    readsHiddenStates: false,
    aheadSince: 0.28,
    fusedWidths: 0,
    layerWidths: 1,
    layerOfTarget: true,
    preset: 'draft-68m-mt-bench',
  },
  eagle: { ...head, fusedWidths: 2, layerWidths: 1, layerOfTarget: false, preset: 'eagle-llama-3-8b' },
  // Embedding and hidden state side by side enter the layer; hidden states of three layers were projected to one before.
  eagle3: { ...head, fusedWidths: 3, layerWidths: 2, layerOfTarget: false, preset: 'eagle3-llama-3.1-8b' },
  mtp: { ...head, fusedWidths: 2, layerWidths: 1, layerOfTarget: true, preset: 'mtp-deepseek-v3' },
}

/**
 * Whether drafting keeps an engine from forming steps ahead. SGLang 0.5 switches its overlap scheduler off wherever it speculates.
 * @param release as schedulers give it: `0.19`, `sglang-0.5`
 */
export function isSynchronous(method: Method, release: string): boolean {
  if (release.startsWith('sglang')) return true
  const [major = 0, minor = 0] = release.split('.').map(Number)
  return major < 1 && minor < Math.round(100 * method.aheadSince)
}
