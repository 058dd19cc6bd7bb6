import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { describeTechnique } from '@servesim/testkit'
import { describe } from 'vitest'
import { speculativeDecoding } from '../src/index.js'

const vllm = { use: 'vllm', maxNumSeqs: 8, maxNumBatchedTokens: 64, blockSizeTokens: 4 }
const sglang = { use: 'sglang', maxRunningRequests: 8, chunkedPrefillSize: 64 }

describe.each([
  { method: 'ngram', numSpeculativeTokens: 4, ngramHitFraction: 0.6, scheduler: vllm },
  { method: 'draft-model', draftModel: 'toy', numSpeculativeTokens: 2, scheduler: vllm },
  { method: 'eagle3', disableAboveBatchSize: 3, scheduler: vllm },
  { method: 'mtp', acceptance: [0.9, 0.6], scheduler: { ...vllm, asyncScheduling: false } },
  { method: 'eagle', scheduler: sglang },
  // Knows nothing of drafts.
  { method: 'mtp', scheduler: { use: 'toy-scheduler' } },
])('$method under $scheduler.use', ({ scheduler, ...options }) => {
  describeTechnique(speculativeDecoding, { options, pool: { scheduler }, plugins: [vllmScheduler, sglangScheduler] })
})
