import { describeRouter } from '@servesim/testkit'
import { powerOfTwo } from '../src/index.js'

describeRouter(powerOfTwo)
describeRouter(powerOfTwo, { viewAgeMs: 0.02 })
