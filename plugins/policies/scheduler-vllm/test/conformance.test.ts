import { describeScheduler } from '@servesim/testkit'
import { vllmScheduler } from '../src/index.js'

const small = { blockSizeTokens: 4, maxNumBatchedTokens: 48, maxNumSeqs: 8 }

describeScheduler(vllmScheduler)
describeScheduler(vllmScheduler, small)
describeScheduler(vllmScheduler, { ...small, asyncScheduling: false, policy: 'priority', release: '0.28', watermark: 0.05 })
