/** Acceptance as somebody measured it. */
export interface Preset {
  /** Unconditional rates by position: how often the i-th draft is kept, of all steps that drafted. */
  rates?: readonly number[]
  /** Or: tokens of a step, by drafts; from it follows a constant chance of each draft, given the one before. */
  meanTokens?: Readonly<Record<number, number>>
  /** Or the same for a chain whose length was not told. */
  meanTokensOfAny?: number
  source: string
}

const vllmTests = 'MT-Bench, greedy, in vLLM’s tests (test_acceptance_length.py)'
const eaglePaper = 'Vicuna-13B, greedy, EAGLE-2 and EAGLE-3 papers; the length of its chains was not told'

/** By target and method. Figures of one target say little about another: heads differ, and so do texts. */
export const presets = {
  'eagle3-llama-3.1-8b': { rates: [0.73, 0.521, 0.355], source: `EAGLE-3 on Llama-3.1-8B, ${vllmTests}` },
  'eagle3-qwen3-8b': { rates: [0.654, 0.399, 0.202], source: `EAGLE-3 on Qwen3-8B, ${vllmTests}` },
  'eagle3-gpt-oss-20b': { rates: [0.717, 0.512, 0.334], source: `EAGLE-3 on gpt-oss-20b, ${vllmTests}` },
  'eagle3-qwen3-vl-30b-a3b': { rates: [0.29, 0.062, 0.012], source: `EAGLE-3, a weak head, on Qwen3-VL-30B-A3B in FP8, ${vllmTests}` },
  'eagle3-gpt-oss-120b': {
    rates: [0.58, 0.31, 0.16, 0.08, 0.04, 0.02],
    source: 'EAGLE-3 on gpt-oss-120b, temperature 1, vLLM 0.17.1, public benchmark notes',
  },
  'eagle-llama-3-8b': { meanTokens: { 2: 1.89, 4: 2.08 }, source: 'EAGLE-1 on Llama-3-8B, MT-Bench, vLLM’s PR #16035' },
  'mtp-deepseek-v3': { rates: [0.85], source: 'second token of DeepSeek-V3’s MTP module, 85–90 % in its technical report' },
  'mtp-deepseek-v4-flash': {
    rates: [0.715, 0.45, 0.32, 0.18, 0.13, 0.08, 0.05],
    source: 'DeepSeek-V4-Flash with seven drafts, a public log of vLLM on Ascend; middle of the ranges told',
  },
  'mtp-qwen3.6-27b-gsm8k': {
    meanTokens: { 3: 3.56, 7: 5.5, 15: 6.86 },
    source: 'built-in heads of Qwen3.6-27B, GSM8K, one request at a time, model card',
  },
  'ngram-mt-bench': { meanTokensOfAny: 1.63, source: `n-gram lookup on MT-bench, ${eaglePaper}` },
  'ngram-human-eval': { meanTokensOfAny: 1.93, source: `n-gram lookup on HumanEval, ${eaglePaper}` },
  'ngram-gsm8k': { meanTokensOfAny: 1.73, source: `n-gram lookup on GSM8K, ${eaglePaper}` },
  'ngram-cnn-dailymail': { meanTokensOfAny: 2.5, source: `n-gram lookup on CNN/DailyMail, ${eaglePaper}` },
  'draft-68m-mt-bench': { meanTokensOfAny: 2.27, source: `a draft model of 68M parameters on MT-bench, ${eaglePaper}` },
  'draft-68m-human-eval': { meanTokensOfAny: 2.57, source: `a draft model of 68M parameters on HumanEval, ${eaglePaper}` },
  'draft-68m-cnn-dailymail': { meanTokensOfAny: 2.33, source: `a draft model of 68M parameters on CNN/DailyMail, ${eaglePaper}` },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
export const presetNames = Object.keys(presets) as [PresetName, ...PresetName[]]
