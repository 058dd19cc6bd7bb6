import { describeRouter } from '@servesim/testkit'
import { prefixAware } from '../src/index.js'

describeRouter(prefixAware)
describeRouter(prefixAware, { index: 'precise', cacheThreshold: 0, balanceAbsThreshold: 2 })
describeRouter(prefixAware, { maxTreeTokens: 20, evictionIntervalS: 1e-5, balanceAbsThreshold: 1, balanceRelThreshold: 1 })
