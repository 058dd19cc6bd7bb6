import { describeScheduler } from '@servesim/testkit'
import { sglangScheduler } from '../src/index.js'

const small = { blockSizeTokens: 4, chunkedPrefillSize: 16, maxRunningRequests: 8 }

describeScheduler(sglangScheduler, { blockSizeTokens: 4 })
describeScheduler(sglangScheduler)
describeScheduler(sglangScheduler, { ...small, schedulePolicy: 'lpm' })
describeScheduler(sglangScheduler, { ...small, enableMixedChunk: true, disableOverlapSchedule: true })
describeScheduler(sglangScheduler, { chunkedPrefillSize: -1, maxPrefillTokens: 20, scheduleConservativeness: 0.3, blockSizeTokens: 2 })
