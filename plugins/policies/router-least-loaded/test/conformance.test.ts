import { describeRouter } from '@servesim/testkit'
import { leastLoaded } from '../src/index.js'

describeRouter(leastLoaded)
describeRouter(leastLoaded, { viewAgeMs: 0.02 })
