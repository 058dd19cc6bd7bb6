import { describePlugin } from '@servesim/testkit'
import { queueLimit } from '../src/index.js'

describePlugin(queueLimit, { maxWaiting: 2 })
describePlugin(queueLimit, { maxInFlight: 3, maxQueued: 100 })
